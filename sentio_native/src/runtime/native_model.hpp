// The backend `native`: linear models and multilayer perceptrons in this library itself.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/dense_layers.hpp"
#include "sentio/model.hpp"

namespace sentio {

struct Layer {
  LayerKind kind = LayerKind::linear;
  std::size_t inputs = 0, outputs = 0;  // of a linear layer
};

// Within which bounds a feature is held behind the scaler.
struct Clip {
  float low = 0, high = 0;
};

// The widest layer, and the most values of a window: what is computed in between lives on the stack.
inline constexpr std::size_t kWidestLayer = 8192;

// The network of `layers`, which fit each other and the shape, behind the scaler and `clip`, with the tensors
// in the bytes of model.safetensors: docs/reference/bundle.md names them. Its outputs are the same bits on
// every machine and in every batch; running it allocates nothing. Throws Error(bad_bundle) where a tensor is
// missing, unknown, of another shape or not finite.
[[nodiscard]] std::unique_ptr<const Model> load_native_model(std::span<const std::byte> bytes,
                                                             const ModelShape& shape,
                                                             const std::vector<Layer>& layers,
                                                             const std::optional<Clip>& clip);

}  // namespace sentio
