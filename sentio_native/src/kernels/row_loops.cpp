// Chooses the row loops of this processor.
#include "kernels/row_loops.hpp"

#include <cstdlib>

namespace sentio {
namespace baseline {
extern const RowLoops kRowLoops;
}
#if defined(SENTIO_HAS_AVX2)
namespace avx2 {
extern const RowLoops kRowLoops;
}
#endif

const RowLoops& row_loops() noexcept {
  static const RowLoops& chosen = []() -> const RowLoops& {
#if defined(SENTIO_HAS_AVX2)
    const char* wanted = std::getenv("SENTIO_ISA");
    const bool refused = wanted != nullptr && std::string_view(wanted) == baseline::kRowLoops.instruction_set;
    if (__builtin_cpu_supports("avx2") && !refused) return avx2::kRowLoops;
#endif
    return baseline::kRowLoops;
  }();
  return chosen;
}

}  // namespace sentio
