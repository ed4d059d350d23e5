// Running a dense network: scale, layers, the label's unit.
#include "runtime/native_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "fp_environment.hpp"
#include "runtime/safetensors.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

constexpr std::string_view kFile = "model.safetensors";

struct Step {
  LayerKind kind;
  std::size_t inputs, outputs;
  std::vector<float> weights, bias;  // of a linear layer, in the order of DenseLayers::linear
};

// Takes tensors by name and shape, and names all that do not fit.
class TensorReader {
 public:
  explicit TensorReader(Tensors tensors) : tensors_(std::move(tensors)) {}

  std::vector<float> take(const std::string& name, const std::vector<std::size_t>& shape) {
    const auto tensor = tensors_.find(name);
    std::size_t count = 1;
    for (const std::size_t extent : shape) count *= extent;
    std::vector<float> values(count);
    if (tensor == tensors_.end()) {
      problems_.push_back({name, "is missing"});
      return values;
    }
    const auto finite = [](float value) { return std::isfinite(value); };
    if (tensor->second.shape != shape) {
      problems_.push_back({name, "has another shape than its layer"});
    } else if (!std::all_of(tensor->second.values.begin(), tensor->second.values.end(), finite)) {
      problems_.push_back({name, "is not finite"});
    } else {
      values = std::move(tensor->second.values);
    }
    tensors_.erase(tensor);
    return values;
  }

  void finish() {
    for (const auto& [name, tensor] : tensors_) problems_.push_back({name, "is no tensor of this network"});
    if (!problems_.empty()) {
      throw Error(ErrorCode::bad_bundle, std::string(kFile) + ": is not of the manifest's network",
                  std::move(problems_));
    }
  }

 private:
  Tensors tensors_;
  std::vector<Problem> problems_;
};

// [outputs, inputs] to blocks of outputs, in each a row for every input.
std::vector<float> in_blocks(const std::vector<float>& weights, std::size_t inputs, std::size_t outputs) {
  std::vector<float> blocks;
  const std::size_t padded = padded_outputs(outputs);
  blocks.reserve(padded * inputs);
  for (std::size_t first = 0; first < padded; first += kDenseBlock) {
    const std::size_t end = std::min(first + kDenseBlock, padded);
    for (std::size_t i = 0; i < inputs; ++i) {
      for (std::size_t o = first; o < end; ++o)
        blocks.push_back(o < outputs ? weights[o * inputs + i] : 0.0F);
    }
  }
  return blocks;
}

class NativeModel final : public Model {
 public:
  NativeModel(std::span<const std::byte> bytes, const ModelShape& shape, const std::vector<Layer>& layers,
              const std::optional<Clip>& clip)
      : shape_(shape.window), n_outputs_(shape.n_outputs), dense_(dense_layers()), clip_(clip) {
    TensorReader tensors(read_safetensors(bytes, kFile));
    const auto width = static_cast<std::size_t>(shape_.n_features);
    mean_ = tensors.take("scaler.mean", {width});
    inverse_deviation_ = tensors.take("scaler.inverse_deviation", {width});
    for (const Layer& layer : layers) {
      Step step{layer.kind, layer.inputs, layer.outputs, {}, {}};
      if (layer.kind == LayerKind::linear) {
        const std::string name = "layers." + std::to_string(steps_.size());
        step.weights = in_blocks(tensors.take(name + ".weight", {layer.outputs, layer.inputs}), layer.inputs,
                                 layer.outputs);
        step.bias = tensors.take(name + ".bias", {layer.outputs});
        step.bias.resize(padded_outputs(layer.outputs));
      }
      steps_.push_back(std::move(step));
    }
    output_scale_ = tensors.take("output_scale", {}).front();
    output_mean_ = tensors.take("output_mean", {}).front();
    tensors.finish();
  }

  void run(std::span<const float> windows, std::span<float> outputs) const override {
    const std::size_t batch = outputs.size() / n_outputs_;
    if (windows.size() != batch * shape_.size() || outputs.size() != batch * n_outputs_) {
      throw Error(ErrorCode::bad_argument, "the windows' size is not B * T * F, or the outputs' not B * C");
    }
    const FloatingPointMode mode;
    for (std::size_t k = 0; k < batch; ++k) {
      run_one(windows.data() + k * shape_.size(), outputs.subspan(k * n_outputs_, n_outputs_));
    }
  }

  // There is nothing to ask: run() takes floats, and their number is checked.
  std::vector<Probe> probe() const override {
    std::vector<Probe> probes;
    for (const std::size_t size : {shape_.size() - 1, shape_.size() + 1, 2 * shape_.size()}) {
      const std::vector<float> window(size);
      std::vector<float> outputs(n_outputs_);
      bool refused = false;
      try {
        run(window, outputs);
      } catch (const Error&) {
        refused = true;
      }
      probes.push_back({std::to_string(size) + " values", refused});
    }
    return probes;
  }

  ModelEnvironment environment() const override { return {"sentio", std::string(dense_.instruction_set)}; }

  bool is_batch_exact() const noexcept override { return true; }  // one window is run after the other

 private:
  using Values = std::array<float, kWidestLayer>;

  void run_one(const float* window, std::span<float> outputs) const noexcept {
    Values first, second;  // not filled with zeros: 64 KiB would take longer than the network
    const std::size_t width = mean_.size();
    for (std::size_t row = 0; row < shape_.size(); row += width) {
      for (std::size_t k = 0; k < width; ++k) {
        first[row + k] = (window[row + k] - mean_[k]) * inverse_deviation_[k];
      }
    }
    if (clip_) {
      for (std::size_t i = 0; i < shape_.size(); ++i) {
        first[i] = std::min(std::max(first[i], clip_->low), clip_->high);
      }
    }
    float* values = first.data();
    float* next = second.data();
    std::size_t count = 0;  // padded
    for (const Step& step : steps_) {
      switch (step.kind) {
        case LayerKind::linear:
          dense_.linear(values, step.inputs, step.weights.data(), step.bias.data(), next, step.outputs);
          std::swap(values, next);
          count = padded_outputs(step.outputs);
          break;
        case LayerKind::gelu:
          dense_.gelu(values, count);
          break;
        case LayerKind::relu:
          dense_.relu(values, count);
          break;
        case LayerKind::sigmoid:
          sigmoid({values, count});
          break;
        case LayerKind::tanh:
          dense_.tanh(values, count);
          break;
      }
    }
    for (std::size_t k = 0; k < outputs.size(); ++k) outputs[k] = values[k] * output_scale_ + output_mean_;
  }

  WindowShape shape_;
  std::size_t n_outputs_;
  const DenseLayers& dense_;
  std::optional<Clip> clip_;
  std::vector<float> mean_, inverse_deviation_;
  std::vector<Step> steps_;
  float output_scale_ = 1, output_mean_ = 0;
};

}  // namespace

std::unique_ptr<const Model> load_native_model(std::span<const std::byte> bytes, const ModelShape& shape,
                                               const std::vector<Layer>& layers,
                                               const std::optional<Clip>& clip) {
  return std::make_unique<const NativeModel>(bytes, shape, layers, clip);
}

}  // namespace sentio
