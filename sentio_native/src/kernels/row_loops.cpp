// Chooses the row loops of this processor.
#include "kernels/row_loops.hpp"

#include <cstdlib>
#include <string>

#include "sentio/error.hpp"

namespace sentio {
namespace baseline {
extern const RowLoops kRowLoops;
}
#if defined(SENTIO_X86_VECTORS)
namespace avx2 {
extern const RowLoops kRowLoops;
}
namespace avx512 {
extern const RowLoops kRowLoops;
}
#endif
namespace {

const RowLoops& choose() {
  const std::vector<const RowLoops*> usable = usable_row_loops();
  const char* wanted = std::getenv("SENTIO_ISA");
  if (wanted == nullptr) return *usable.front();
  std::string names;
  for (const RowLoops* loops : usable) {
    if (loops->instruction_set == wanted) return *loops;
    names.append(names.empty() ? "" : ", ").append(loops->instruction_set);
  }
  throw Error(ErrorCode::unsupported, "SENTIO_ISA is '" + std::string(wanted) +
                                          "', which this build on this processor has not; it has: " + names);
}

}  // namespace

std::vector<const RowLoops*> usable_row_loops() {
  std::vector<const RowLoops*> usable;
#if defined(SENTIO_X86_VECTORS)
  // Asks the processor, and whether the system saves the registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    usable.push_back(&avx512::kRowLoops);
  if (__builtin_cpu_supports("avx2")) usable.push_back(&avx2::kRowLoops);
#endif
  usable.push_back(&baseline::kRowLoops);
  return usable;
}

const RowLoops& row_loops() {
  static const RowLoops& chosen = choose();
  return chosen;
}

}  // namespace sentio
