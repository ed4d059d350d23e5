// The loops in which the time goes, compiled once for each instruction set and chosen when the program runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sentio {

// Lanes are handled four at a time; arrays of lanes are padded to this.
inline constexpr std::size_t kLanes = 4;

[[nodiscard]] constexpr std::size_t padded_lanes(std::size_t count) noexcept {
  return (count + kLanes - 1) / kLanes * kLanes;
}

// Four columns may stand in a quad: side by side, and one row after the other, kQuadRow doubles apart.
inline constexpr auto kQuadRow = static_cast<std::ptrdiff_t>(kLanes);

// Whether the columns of four lanes do.
[[nodiscard]] constexpr bool is_quad(double* const* columns) noexcept {
  return columns[1] == columns[0] + 1;
}

// What is emitted of a quad, and where each lane goes in the row of the output: `neighbours` if all four do,
// in order.
inline constexpr auto kNotEmitted = static_cast<std::size_t>(-1);
struct EmittedQuad {
  const double* rows;
  std::array<std::size_t, kLanes> to;
  bool neighbours;
};

// Eight columns that are neighbours in the output's row, the first of them at `to`.
struct EmittedEight {
  const double* columns[8];
  std::size_t to;
};

inline constexpr std::size_t kTileRows = 16;  // that are put together at once, at most
inline constexpr std::size_t kLine = 16;      // floats of a cache line
inline constexpr std::size_t kTileValues =
    16 * 1024;  // floats that are put together before they go out, at most

// What the other kernels' loops are compiled for, beside the baseline: see in_vectors.hpp.
enum class Vectors : std::uint8_t { baseline, avx2, avx512 };

struct RowLoops {
  std::string_view instruction_set;
  Vectors vectors;

  // value += alpha (x - value), in `lanes` (padded) lanes, each four of them over the series that `x` names;
  // lane k fills out[k][0 .. rows), or its place in a quad.
  void (*decay)(const double* const* x, std::ptrdiff_t rows, double* const* out, double* value,
                const double* alpha, std::size_t lanes) noexcept;

  // Columns of doubles to a row-major matrix of floats: every NaN as 0x7FC00000, infinities as the largest
  // float. `streaming`: past the caches, for a matrix larger than they are.
  void (*emit)(const double* const* columns, std::size_t width, std::ptrdiff_t rows, float* out,
               bool streaming) noexcept;

  // The same, where some columns stand in quads: of a multiple of kTileRows rows, eights first.
  void (*emit_quads)(std::span<const EmittedEight> eights, std::span<const EmittedQuad> quads,
                     std::size_t width, std::ptrdiff_t rows, float* out, bool streaming) noexcept;
};

// Those of this build that this processor can run, the fastest first.
[[nodiscard]] std::vector<const RowLoops*> usable_row_loops();

// The fastest of these, or the one that SENTIO_ISA in the environment names. Throws Error(unsupported) where
// it names none of them; once it has returned, it always returns.
[[nodiscard]] const RowLoops& row_loops();

}  // namespace sentio
