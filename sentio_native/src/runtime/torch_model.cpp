// Running TorchScript and AOTInductor packages with LibTorch. The one file that includes torch.
#include "runtime/torch_model.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/script.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <string>
#include <system_error>

#include "runtime/x86_64_v3.hpp"
#include "sentio/error.hpp"
#include "text.hpp"

namespace sentio {
namespace {

// Reads from memory, so that what was hashed is what is loaded.
class MemoryReader final : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MemoryReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::size_t size() const override { return bytes_.size(); }

  std::size_t read(std::uint64_t position, void* to, std::size_t count, const char*) const override {
    const auto rest = bytes_.subspan(std::min<std::size_t>(position, bytes_.size()));
    const auto part = rest.first(std::min(count, rest.size()));
    std::memcpy(to, part.data(), part.size());
    return part.size();
  }

 private:
  std::span<const std::byte> bytes_;
};

// LibTorch's messages carry a stack trace from the second line on.
[[noreturn]] void refuse(const std::string& what, const std::exception& error) {
  const std::string text = error.what();
  throw Error(ErrorCode::bad_bundle, what + ": " + text.substr(0, text.find('\n')));
}

// Within operators. LibTorch keeps the count for each thread that calls it, so that each run must look.
void keep_to_one_thread() {
  if (at::get_num_threads() != 1) at::set_num_threads(1);
}

void force_one_thread() {
  keep_to_one_thread();
  if (at::get_num_interop_threads() == 1) return;
  try {
    at::set_num_interop_threads(1);
  } catch (const c10::Error&) {
    throw Error(ErrorCode::unsupported,
                "this process already uses LibTorch's inter-op threads, of which a bundle allows one: "
                "call at::set_num_interop_threads(1) first");
  }
}

// Whether `run` throws at an input.
template <class Run>
bool refuses(const Run& run, const at::Tensor& input) {
  const c10::InferenceMode inference;
  try {
    run(input);
  } catch (const std::exception&) {
    return true;
  }
  return false;
}

// Inputs of another rank, T, F and type in batches of a size that `run` takes, and whether it throws at each.
template <class Run>
std::vector<Model::Probe> offer_misfits(const WindowShape& window, std::int64_t batch, const Run& run) {
  const std::int64_t rows = window.seq_len, width = window.n_features;
  std::set<std::vector<std::int64_t>> shapes = {{rows, width}, {1, batch, rows, width}};
  for (const std::int64_t other : {rows - 1, rows + 1, std::int64_t{1}}) shapes.insert({batch, other, width});
  for (const std::int64_t other : {width - 1, width + 1, std::int64_t{1}})
    shapes.insert({batch, rows, other});
  shapes.erase({batch, rows, width});
  std::vector<Model::Probe> probes;
  for (const auto& shape : shapes) {
    probes.push_back(
        {c10::str("float32 ", at::IntArrayRef(shape)), refuses(run, at::zeros(shape, at::kFloat))});
  }
  for (const at::ScalarType type : {at::kDouble, at::kHalf}) {
    probes.push_back({c10::str(type, " values"), refuses(run, at::zeros({batch, rows, width}, type))});
  }
  return probes;
}

// B. Throws Error(bad_argument) where windows and outputs are not of one.
std::size_t batch_of(std::span<const float> windows, std::span<float> outputs, const ModelShape& shape) {
  const std::size_t batch = outputs.size() / shape.n_outputs;
  if (windows.size() != batch * shape.window.size() || outputs.size() != batch * shape.n_outputs) {
    throw Error(ErrorCode::bad_argument, "the windows' size is not B * T * F, or the outputs' not B * C");
  }
  return batch;
}

class TorchModel final : public Model {
 public:
  TorchModel(torch::jit::Module module, const ModelShape& shape)
      : module_(std::move(module)), shape_(shape.window), n_outputs_(shape.n_outputs) {}

  void run(std::span<const float> windows, std::span<float> outputs) const override {
    const auto batch = static_cast<std::int64_t>(batch_of(windows, outputs, {shape_, n_outputs_}));
    const auto width = static_cast<std::int64_t>(n_outputs_);
    keep_to_one_thread();
    const c10::InferenceMode inference;
    at::Tensor output;
    try {
      // A copy into torch's own, aligned memory: kernels may add in another order elsewhere.
      const at::Tensor input = at::empty({batch, shape_.seq_len, shape_.n_features}, at::kFloat);
      std::memcpy(input.mutable_data_ptr<float>(), windows.data(), windows.size_bytes());
      output = forward(input).contiguous();
    } catch (const std::exception& error) {
      refuse("the model failed", error);
    }
    if (output.scalar_type() != at::kFloat || output.sizes() != at::IntArrayRef({batch, width})) {
      throw Error(ErrorCode::bad_bundle, c10::str("the model's output is not float32 [B, ", width, "]"));
    }
    std::memcpy(outputs.data(), output.const_data_ptr<float>(), outputs.size_bytes());
  }

  std::vector<Probe> probe() const override {
    return offer_misfits(shape_, 2, [this](const at::Tensor& input) { forward(input); });
  }

  ModelEnvironment environment() const override { return {SENTIO_TORCH_VERSION, at::get_cpu_capability()}; }

 private:
  at::Tensor forward(const at::Tensor& input) const { return module_.forward({input}).toTensor(); }

  // forward() is not const, though it changes nothing of a frozen module, and may be called from several
  // threads.
  mutable torch::jit::Module module_;
  WindowShape shape_;
  std::size_t n_outputs_;
};

// Bytes as a file that nobody can change, without a name in any folder.
class SealedFile {
 public:
  explicit SealedFile(std::span<const std::byte> bytes)
      : descriptor_(::memfd_create("sentio-model", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    if (descriptor_ < 0) fail();
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (::fcntl(descriptor_, F_ADD_SEALS, kSeals) != 0) fail();
  }
  ~SealedFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  [[noreturn]] static void fail() {
    throw std::system_error(errno, std::generic_category(), "a sealed file in memory for model.pt2");
  }

  int descriptor_;
};

class AotiModel final : public Model {
 public:
  AotiModel(const std::string& path, const ModelShape& shape)
      : loader_(path), shape_(shape.window), n_outputs_(shape.n_outputs) {}

  void run(std::span<const float> windows, std::span<float> outputs) const override {
    const std::size_t batch = batch_of(windows, outputs, {shape_, n_outputs_});
    keep_to_one_thread();
    const c10::InferenceMode inference;
    const at::Tensor input = at::empty({1, shape_.seq_len, shape_.n_features}, at::kFloat);
    for (std::size_t k = 0; k < batch; ++k) {
      std::memcpy(input.mutable_data_ptr<float>(), windows.data() + k * shape_.size(),
                  shape_.size() * sizeof(float));
      try {
        const at::Tensor output = forward(input).contiguous();
        std::memcpy(outputs.data() + k * n_outputs_, output.const_data_ptr<float>(),
                    n_outputs_ * sizeof(float));
      } catch (const Error&) {
        throw;
      } catch (const std::exception& error) {
        refuse("the model failed", error);
      }
    }
  }

  std::vector<Probe> probe() const override {
    const auto run = [this](const at::Tensor& input) { forward(input); };
    std::vector<Probe> probes = offer_misfits(shape_, 1, run);
    const std::int64_t rows = shape_.seq_len, width = shape_.n_features;
    probes.push_back({"two windows", refuses(run, at::zeros({2, rows, width}, at::kFloat))});
    // Every second value of a wider window: apart from each other even where T is 1.
    const at::Tensor apart = at::zeros({1, rows, 2 * width}, at::kFloat).slice(2, 0, std::nullopt, 2);
    probes.push_back({"a window that is not contiguous", refuses(run, apart)});
    return probes;
  }

  ModelEnvironment environment() const override { return {SENTIO_TORCH_VERSION, at::get_cpu_capability()}; }

 private:
  // The compiled code takes whatever memory it is given for one window: it is looked at here.
  at::Tensor forward(const at::Tensor& input) const {
    if (input.scalar_type() != at::kFloat || !input.is_contiguous() ||
        input.sizes() != at::IntArrayRef({1, shape_.seq_len, shape_.n_features})) {
      throw Error(ErrorCode::bad_argument, "the model takes one contiguous float32 window");
    }
    const std::vector<at::Tensor> outputs = loader_.run({input});
    if (outputs.size() != 1 || outputs[0].scalar_type() != at::kFloat ||
        outputs[0].sizes() != at::IntArrayRef({1, static_cast<std::int64_t>(n_outputs_)})) {
      throw Error(ErrorCode::bad_bundle, c10::str("the model's output is not float32 [1, ", n_outputs_, "]"));
    }
    return outputs[0];
  }

  // run() is not const; it may be called from several threads, which wait for each other.
  mutable torch::inductor::AOTIModelPackageLoader loader_;
  WindowShape shape_;
  std::size_t n_outputs_;
};

}  // namespace

std::unique_ptr<const Model> load_aoti_model(std::span<const std::byte> bytes, const ModelShape& shape) {
  if (const auto lacking = lacking_of_x86_64_v3(processor_flags()); !lacking.empty()) {
    throw Error(
        ErrorCode::unsupported,
        "model.pt2 was compiled for x86-64-v3, of which this processor or its system lacks " + join(lacking));
  }
  force_one_thread();
  const SealedFile file(bytes);
  try {
    return std::make_unique<AotiModel>(file.path(), shape);
  } catch (const std::exception& error) {
    refuse("model.pt2 does not load as an AOTInductor package", error);
  }
}

std::unique_ptr<const Model> load_torch_model(std::span<const std::byte> bytes, const ModelShape& shape) {
  force_one_thread();
  try {
    auto module = torch::jit::load(std::make_shared<MemoryReader>(bytes), at::Device(at::kCPU));
    module.eval();
    return std::make_unique<TorchModel>(std::move(module), shape);
  } catch (const std::exception& error) {
    refuse("model.pt does not load as TorchScript", error);
  }
}

}  // namespace sentio
