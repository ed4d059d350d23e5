// The loops in which the time goes, compiled once for each instruction set and chosen when the program runs.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace sentio {

// Lanes are handled four at a time; arrays of lanes are padded to this.
inline constexpr std::size_t kLanes = 4;

[[nodiscard]] constexpr std::size_t padded_lanes(std::size_t count) noexcept {
  return (count + kLanes - 1) / kLanes * kLanes;
}

struct RowLoops {
  std::string_view instruction_set;
  bool has_avx2;

  // value += alpha (x - value), in `lanes` (padded) lanes over one series; lane k fills out[k][0 .. rows).
  void (*decay)(const double* x, std::ptrdiff_t rows, double* const* out, double* value, const double* alpha,
                std::size_t lanes) noexcept;

  // Columns of doubles to a row-major matrix of floats: every NaN as 0x7FC00000, infinities as the largest
  // float. `streaming`: past the caches, for a matrix larger than they are.
  void (*emit)(const double* const* columns, std::size_t width, std::ptrdiff_t rows, float* out,
               bool streaming) noexcept;
};

// Those of this build that this processor can run, the fastest first.
[[nodiscard]] std::vector<const RowLoops*> usable_row_loops();

// The fastest of these, or the one that SENTIO_ISA in the environment names. Throws Error(unsupported) where
// it names none of them; once it has returned, it always returns.
[[nodiscard]] const RowLoops& row_loops();

}  // namespace sentio
