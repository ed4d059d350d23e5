// Chooses the dense layers of this processor.
#include "runtime/dense_layers.hpp"

#include <cmath>

#include "kernels/portable_math.hpp"
#include "sentio/engine.hpp"

namespace sentio {
namespace baseline {
extern const DenseLayers kDenseLayers;
}
#if defined(SENTIO_HAS_AVX2)
namespace avx2 {
extern const DenseLayers kDenseLayers;
}
#endif

std::string_view describe(LayerKind kind) noexcept {
  switch (kind) {
    case LayerKind::linear:
      return "linear";
    case LayerKind::gelu:
      return "gelu";
    case LayerKind::relu:
      return "relu";
    case LayerKind::sigmoid:
      return "sigmoid";
    case LayerKind::tanh:
      return "tanh";
  }
  return "unknown layer";
}

void sigmoid(std::span<float> values) noexcept {
  for (float& value : values) {
    const double x = value;
    if (std::isnan(x)) continue;  // portable_exp takes numbers only
    const double small = portable_exp(x < 0.0 ? x : -x);
    value = static_cast<float>((x < 0.0 ? small : 1.0) / (1.0 + small));
  }
}

std::vector<const DenseLayers*> usable_dense_layers() {
  std::vector<const DenseLayers*> usable;
#if defined(SENTIO_HAS_AVX2)
  if (__builtin_cpu_supports("avx2")) usable.push_back(&avx2::kDenseLayers);
#endif
  usable.push_back(&baseline::kDenseLayers);
  return usable;
}

const DenseLayers& dense_layers() {
#if defined(SENTIO_HAS_AVX2)
  // The engine's choice, asked by its public interface: a shared engine hides the rest.
  if (instruction_set() == avx2::kDenseLayers.instruction_set) return avx2::kDenseLayers;
#endif
  return baseline::kDenseLayers;
}

}  // namespace sentio
