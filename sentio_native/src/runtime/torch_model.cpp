// Running TorchScript with LibTorch. The one file that includes torch.
#include "runtime/torch_model.hpp"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <caffe2/serialize/read_adapter_interface.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/script.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "sentio/error.hpp"

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

void force_one_thread() {
  at::set_num_threads(1);
  if (at::get_num_interop_threads() == 1) return;
  try {
    at::set_num_interop_threads(1);
  } catch (const c10::Error&) {
    throw Error(ErrorCode::unsupported,
                "this process already uses LibTorch's inter-op threads, of which a bundle allows one: "
                "call at::set_num_interop_threads(1) first");
  }
}

class TorchModel final : public Model {
 public:
  TorchModel(torch::jit::Module module, const WindowShape& shape)
      : module_(std::move(module)), shape_(shape) {}

  void run(std::span<const float> windows, std::span<float> outputs) const override {
    const auto batch = static_cast<std::int64_t>(outputs.size());
    if (windows.size() != outputs.size() * shape_.size()) {
      throw Error(ErrorCode::bad_argument, "the windows' size is not B * T * F");
    }
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
    if (output.scalar_type() != at::kFloat || output.sizes() != at::IntArrayRef({batch, 1})) {
      throw Error(ErrorCode::bad_bundle, "the model's output is not float32 [B, 1]");
    }
    std::memcpy(outputs.data(), output.const_data_ptr<float>(), outputs.size_bytes());
  }

  std::vector<Probe> probe() const override {
    const std::int64_t rows = shape_.seq_len, width = shape_.n_features;
    std::set<std::vector<std::int64_t>> shapes = {{rows, width}, {1, 2, rows, width}};
    for (const std::int64_t other : {rows - 1, rows + 1, std::int64_t{1}}) shapes.insert({2, other, width});
    for (const std::int64_t other : {width - 1, width + 1, std::int64_t{1}}) shapes.insert({2, rows, other});
    shapes.erase({2, rows, width});
    std::vector<Probe> probes;
    const c10::InferenceMode inference;
    for (const auto& shape : shapes) {
      probes.push_back({c10::str("float32 ", at::IntArrayRef(shape)), refuses(at::zeros(shape, at::kFloat))});
    }
    for (const at::ScalarType type : {at::kDouble, at::kHalf}) {
      probes.push_back({c10::str(type, " values"), refuses(at::zeros({2, rows, width}, type))});
    }
    return probes;
  }

  ModelEnvironment environment() const override { return {SENTIO_TORCH_VERSION, at::get_cpu_capability()}; }

 private:
  at::Tensor forward(const at::Tensor& input) const { return module_.forward({input}).toTensor(); }

  bool refuses(const at::Tensor& input) const {
    try {
      forward(input);
    } catch (const std::exception&) {
      return true;
    }
    return false;
  }

  // forward() is not const, though it changes nothing of a frozen module, and may be called from several
  // threads.
  mutable torch::jit::Module module_;
  WindowShape shape_;
};

}  // namespace

std::unique_ptr<const Model> load_torch_model(std::span<const std::byte> bytes, const WindowShape& shape) {
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
