// The row loops, in vectors of four doubles; compiled once for each instruction set, into a namespace of its
// own. Nothing here may depend on the instruction set but the speed: only +, -, *, comparisons and moves.
#include "kernels/row_loops.hpp"

#include <algorithm>

#include "kernels/emit_isa.hpp"
#include "kernels/isa_vectors.hpp"

namespace sentio::SENTIO_ISA {
namespace {

// Of `groups` times four lanes.
template <bool in_quads, std::size_t groups>
void decay_groups(const double* const* x, std::ptrdiff_t rows, double* const* out, double* value,
                  const double* alpha) noexcept {
  // Copies, which no store can be taken to change.
  Double4 y[groups], a[groups];
  const double* from[groups];
  double* quad[groups];
  for (std::size_t g = 0; g < groups; ++g) {
    y[g] = load<Double4>(value + kLanes * g);
    a[g] = load<Double4>(alpha + kLanes * g);
    from[g] = x[g];
    quad[g] = out[kLanes * g];
  }
  const auto next = [&](std::ptrdiff_t i, std::size_t g) {
    const double newest = from[g][i];
    y[g] += a[g] * (Double4{newest, newest, newest, newest} - y[g]);
    return y[g];
  };
  std::ptrdiff_t i = 0;
  if constexpr (in_quads) {
    // Row by row: the groups' recurrences hide each other's latency.
    for (; i < rows; ++i) {
      for (std::size_t g = 0; g < groups; ++g) store(quad[g] + kQuadRow * i, next(i, g));
    }
  } else {
    for (; i + 4 <= rows; i += 4) {
      // Group by group, so that the registers hold what is at hand; the processor itself overlaps the groups.
      for (std::size_t g = 0; g < groups; ++g) {
        const Double4 r0 = next(i, g), r1 = next(i + 1, g), r2 = next(i + 2, g), r3 = next(i + 3, g);
        // Four rows of four lanes become four columns of four rows.
        const Double4 a0 = __builtin_shufflevector(r0, r1, 0, 4, 2, 6);
        const Double4 a1 = __builtin_shufflevector(r0, r1, 1, 5, 3, 7);
        const Double4 b0 = __builtin_shufflevector(r2, r3, 0, 4, 2, 6);
        const Double4 b1 = __builtin_shufflevector(r2, r3, 1, 5, 3, 7);
        double* const* to = out + kLanes * g;
        store(to[0] + i, __builtin_shufflevector(a0, b0, 0, 1, 4, 5));
        store(to[1] + i, __builtin_shufflevector(a1, b1, 0, 1, 4, 5));
        store(to[2] + i, __builtin_shufflevector(a0, b0, 2, 3, 6, 7));
        store(to[3] + i, __builtin_shufflevector(a1, b1, 2, 3, 6, 7));
      }
    }
    for (; i < rows; ++i) {
      for (std::size_t g = 0; g < groups; ++g) {
        const Double4 v = next(i, g);
        for (std::size_t k = 0; k < kLanes; ++k) out[kLanes * g + k][i] = v[k];
      }
    }
  }
  for (std::size_t g = 0; g < groups; ++g) store(value + kLanes * g, y[g]);
}

template <bool in_quads>
constexpr decltype(&decay_groups<in_quads, 1>) kOfGroups[] = {
    decay_groups<in_quads, 1>, decay_groups<in_quads, 2>, decay_groups<in_quads, 3>,
    decay_groups<in_quads, 4>, decay_groups<in_quads, 5>, decay_groups<in_quads, 6>,
    decay_groups<in_quads, 7>, decay_groups<in_quads, 8>};

void decay(const double* const* x, std::ptrdiff_t rows, double* const* out, double* value,
           const double* alpha, std::size_t lanes) noexcept {
  const std::size_t groups = lanes / kLanes;
  const auto in_quad = [out](std::size_t g) { return is_quad(out + kLanes * g); };
  // Eight at a time: enough recurrences in flight to hide their latency.
  for (std::size_t g = 0, count = 1; g < groups; g += count) {
    for (count = 1; count < 8 && g + count < groups && in_quad(g) == in_quad(g + count);) ++count;
    const auto* of_groups = in_quad(g) ? kOfGroups<true> : kOfGroups<false>;
    const std::size_t lane = kLanes * g;
    of_groups[count - 1](x + g, rows, out + lane, value + lane, alpha + lane);
  }
}

}  // namespace

extern const RowLoops kRowLoops;
const RowLoops kRowLoops = {SENTIO_ISA_NAME, Vectors::SENTIO_ISA, decay, emit, emit_quads};

}  // namespace sentio::SENTIO_ISA
