// Loops that the compiler turns into vectors, for the best instruction set of the processor that runs them.
#pragma once

#include <cstddef>

#include "kernels/row_loops.hpp"

// No iteration of the loop that follows reads what another one writes: kernels never write their inputs.
#if defined(__clang__)
#define SENTIO_INDEPENDENT_ROWS _Pragma("clang loop vectorize(assume_safety)")
#else
#define SENTIO_INDEPENDENT_ROWS _Pragma("GCC ivdep")
#endif

namespace sentio {

#if defined(SENTIO_X86_VECTORS)
// Flattened: all that the loop calls is inlined, and so compiled for this instruction set, here alone.
template <class Loop>
[[gnu::target("avx2"), gnu::flatten, gnu::noinline]] void in_avx2(const Loop& loop) noexcept {
  loop();
}
template <class Loop>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl"), gnu::flatten, gnu::noinline]] void in_avx512(
    const Loop& loop) noexcept {
  loop();
}
#endif

// Runs `loop()`, whose iterations are independent; `rows` is their number. The instruction set changes
// nothing but the speed: each operation of IEEE 754 gives the same bits in a vector as alone.
template <class Loop>
void in_vectors([[maybe_unused]] std::ptrdiff_t rows, const Loop& loop) noexcept {
#if defined(SENTIO_X86_VECTORS)
  if (rows >= static_cast<std::ptrdiff_t>(kLanes)) {
    const Vectors vectors = row_loops().vectors;
    if (vectors == Vectors::avx512) return in_avx512(loop);
    if (vectors == Vectors::avx2) return in_avx2(loop);
  }
#endif
  loop();
}

}  // namespace sentio
