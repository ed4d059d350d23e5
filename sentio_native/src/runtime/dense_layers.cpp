// Chooses the dense layers of this processor.
#include "runtime/dense_layers.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "kernels/portable_math.hpp"
#include "sentio/engine.hpp"

namespace sentio {
namespace baseline {
extern const DenseLayers kDenseLayers;
}
#if defined(SENTIO_X86_VECTORS)
namespace avx2 {
extern const DenseLayers kDenseLayers;
}
namespace avx512 {
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
  static constexpr const DenseLayers* kBuilt[] = {
#if defined(SENTIO_X86_VECTORS)
      &avx512::kDenseLayers, &avx2::kDenseLayers,
#endif
      &baseline::kDenseLayers};
  std::vector<const DenseLayers*> usable;
  // The engine knows the processor. It is asked by its public interface: a shared engine hides the rest.
  for (const std::string_view name : instruction_sets()) {
    usable.push_back(*std::find_if(std::begin(kBuilt), std::end(kBuilt), [&](const DenseLayers* layers) {
      return layers->instruction_set == name;
    }));
  }
  return usable;
}

const DenseLayers& dense_layers() {
  const std::vector<const DenseLayers*> usable = usable_dense_layers();
  return **std::find_if(usable.begin(), usable.end(), [name = instruction_set()](const DenseLayers* layers) {
    return layers->instruction_set == name;
  });
}

}  // namespace sentio
