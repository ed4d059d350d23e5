// Chooses the dense layers of this processor.
#include "runtime/dense_layers.hpp"

#include "kernels/row_loops.hpp"

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
    case LayerKind::tanh:
      return "tanh";
  }
  return "unknown layer";
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
  if (row_loops().has_avx2) return avx2::kDenseLayers;
#endif
  return baseline::kDenseLayers;
}

}  // namespace sentio
