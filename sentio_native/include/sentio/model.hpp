// A loaded model behind one interface, whatever runs it: windows of features in, raw outputs out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sentio/export.hpp"

namespace sentio {

// One window: T rows of F features, float32, row-major, oldest row first.
struct WindowShape {
  std::int64_t seq_len = 1;     // T
  std::int64_t n_features = 1;  // F

  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(seq_len * n_features); }
};

// What a model takes, and how many outputs it gives for each window.
struct ModelShape {
  WindowShape window{};
  std::size_t n_outputs = 1;  // C
};

// What outputs' bits depend on beside the model: they are those of another machine only where this is equal.
struct ModelEnvironment {
  std::string library;         // name and version of what runs the model, e.g. torch's "2.13.0+cpu"
  std::string cpu_capability;  // the instruction set that it chose, e.g. "AVX2"
  bool operator==(const ModelEnvironment&) const = default;
};

// Immutable once loaded; any number of sessions, in any thread, may share one.
class SENTIO_API Model {
 public:
  // An input that breaks the contract, and whether the model refused it by itself.
  struct Probe {
    std::string what;  // e.g. "T 33 for 32"
    bool refused = false;
  };

  Model() = default;
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // The raw outputs [B, C] of windows [B, T, F], in one batch of B = outputs.size() / C.
  // Throws Error(bad_bundle) where the model fails; `outputs` is then meaningless.
  virtual void run(std::span<const float> windows, std::span<float> outputs) const = 0;

  // Ask on purpose with another T, F, rank and dtype.
  [[nodiscard]] virtual std::vector<Probe> probe() const = 0;

  [[nodiscard]] virtual ModelEnvironment environment() const = 0;

  // Whether a window's output has the same bits whatever else is in its batch. LibTorch, for one, chooses its
  // kernels by the batch's size.
  [[nodiscard]] virtual bool is_batch_exact() const noexcept { return false; }
};

// Makes a model of the bytes of a bundle's model file. Throws Error(bad_bundle) where they are no such model.
using ModelLoader =
    std::function<std::unique_ptr<const Model>(std::span<const std::byte> bytes, const ModelShape& shape)>;

// The names of the backends of this build, e.g. {"native", "torchscript", "aoti"}.
[[nodiscard]] SENTIO_API std::vector<std::string> model_backends();

}  // namespace sentio
