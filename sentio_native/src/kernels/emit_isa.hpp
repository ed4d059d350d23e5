// How columns of doubles become a row-major matrix of floats, for row_loops_isa.cpp: rows are put together in
// a tile that the first-level cache holds, and go out from there.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/isa_vectors.hpp"
#include "kernels/row_loops.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace sentio::SENTIO_ISA {
namespace {

constexpr std::size_t kPage = 1024;  // floats of a page of memory

template <class Int, class Float>
inline Float held_and_canonical(Float value) noexcept {
  Int bits = bits_as<Int>(value);
  const Int magnitude = bits & 0x7FFFFFFF;
  bits +=
      magnitude == 0x7F800000;  // a comparison is -1 where it holds: one below infinity is the largest float
  const Int is_nan = magnitude > 0x7F800000;
  return bits_as<Float>((bits & ~is_nan) | (0x7FC00000 & is_nan));
}

inline Float4 to_float4(Double4 value) noexcept {
  return held_and_canonical<Int4>(__builtin_convertvector(value, Float4));
}

// As many columns as are transposed side by side, four to a quarter of a vector, and how their values move
// within quarters.
#if defined(__AVX__)
constexpr std::size_t kColumns = 8;
using Floats = Float8;
using Ints = Int8;
inline Floats rounded(const double* const* from, std::size_t k, std::ptrdiff_t row) noexcept {
  const Float4 low = __builtin_convertvector(load<Double4>(from[k] + row), Float4);
  const Float4 high = __builtin_convertvector(load<Double4>(from[k + 4] + row), Float4);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
}
inline Floats low_by_turns(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
}
inline Floats high_by_turns(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
}
inline Floats low_halves(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
}
inline Floats high_halves(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
}
#else
constexpr std::size_t kColumns = 4;
using Floats = Float4;
using Ints = Int4;
inline Floats rounded(const double* const* from, std::size_t k, std::ptrdiff_t row) noexcept {
  return __builtin_convertvector(load<Double4>(from[k] + row), Float4);
}
inline Floats low_by_turns(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}
inline Floats high_by_turns(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}
inline Floats low_halves(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 0, 1, 4, 5);
}
inline Floats high_halves(Floats a, Floats b) noexcept {
  return __builtin_shufflevector(a, b, 2, 3, 6, 7);
}
#endif

// Whether these sums are finite, and so all the numbers that they are of.
template <class Vector>
inline bool all_finite(Vector sums) noexcept {
  const Vector zeros = sums - sums;  // NaN where a sum is infinite or NaN
  std::uint64_t found = 0;
  for (const std::uint64_t word : bits_as<std::array<std::uint64_t, sizeof(Vector) / 8>>(zeros))
    found |= word;
  return found == 0;
}

// kColumns columns, rows [i, end), of which there are a multiple of four, into rows of `stride` floats. Says
// whether some value may be infinite or NaN: the sum of values near the largest float may be, too.
template <bool hold>
inline bool transpose_some(const double* const* columns, std::ptrdiff_t i, std::ptrdiff_t end, float* to,
                           std::size_t stride) noexcept {
  const double* from[kColumns];
  std::copy(columns, columns + kColumns, from);
  const auto column = [&from](std::size_t k, std::ptrdiff_t row) {
    const Floats values = rounded(from, k, row);
    return hold ? held_and_canonical<Ints>(values) : values;
  };
  Floats sum{};
  for (; i < end; i += 4, to += 4 * stride) {
    const Floats a = column(0, i), b = column(1, i), c = column(2, i), d = column(3, i);
    if constexpr (!hold) sum += (a + b) + (c + d);
    const Floats ab01 = low_by_turns(a, b), ab23 = high_by_turns(a, b);
    const Floats cd01 = low_by_turns(c, d), cd23 = high_by_turns(c, d);
    store(to, low_halves(ab01, cd01));
    store(to + stride, high_halves(ab01, cd01));
    store(to + 2 * stride, low_halves(ab23, cd23));
    store(to + 3 * stride, high_halves(ab23, cd23));
  }
  return !all_finite(sum);
}

inline void transpose(const double* const* columns, std::ptrdiff_t i, std::ptrdiff_t end, float* to,
                      std::size_t stride) noexcept {
  if (transpose_some<false>(columns, i, end, to, stride)) [[unlikely]]
    transpose_some<true>(columns, i, end, to, stride);
}

// The same of a quad.
template <bool hold>
inline bool place_some(const EmittedQuad& quad, std::ptrdiff_t i, std::ptrdiff_t end, float* to,
                       std::size_t stride) noexcept {
  Float4 sum{};
  const double* from = quad.rows + kQuadRow * i;
  const auto rounded = [&](std::ptrdiff_t k) {  // of the k-th row from here
    const auto v = __builtin_convertvector(load<Double4>(from + kQuadRow * k), Float4);
    if constexpr (hold) return held_and_canonical<Int4>(v);
    sum += v;
    return v;
  };
  if (quad.neighbours) {
    to += quad.to[0];
    for (; i < end; i += 4, from += 4 * kQuadRow, to += 4 * stride) {
      store(to, rounded(0));
      store(to + stride, rounded(1));
      store(to + 2 * stride, rounded(2));
      store(to + 3 * stride, rounded(3));
    }
  } else {
    for (; i < end; ++i, from += kQuadRow, to += stride) {
      const Float4 v = rounded(0);
      for (std::size_t k = 0; k < kLanes; ++k) {
        if (quad.to[k] != kNotEmitted) to[quad.to[k]] = v[k];
      }
    }
  }
  return !all_finite(sum);
}

inline void place(const EmittedQuad& quad, std::ptrdiff_t i, std::ptrdiff_t end, float* to,
                  std::size_t stride) noexcept {
  if (place_some<false>(quad, i, end, to, stride)) [[unlikely]]
    place_some<true>(quad, i, end, to, stride);
}

// Sixteen rows are put together at once, or eight where these fit what sixteen do not: a page, or the tile.
constexpr std::ptrdiff_t rows_at_once(std::size_t width) noexcept {
  for (const std::size_t values : {kPage, kTileValues}) {
    if (8 * width + kLine <= values && values < 16 * width + kLine) return 8;
  }
  return 16;
}

inline void stream_line(float* to, const float* from) noexcept {
#if defined(__AVX__)
  for (std::size_t k = 0; k < kLine; k += 8) _mm256_stream_ps(to + k, _mm256_loadu_ps(from + k));
#elif defined(__SSE2__)
  for (std::size_t k = 0; k < kLine; k += 4) _mm_stream_ps(to + k, _mm_loadu_ps(from + k));
#else
  std::memcpy(to, from, kLine * sizeof(float));
#endif
}

// Writes a matrix past the caches, a whole cache line at a time. Rows are put together in a tile; what they
// begin of a line waits before the tile for those to come.
class PastCaches {
 public:
  explicit PastCaches(float* out) noexcept : to_(out) {}

  // Where the next rows belong.
  [[nodiscard]] float* rows() noexcept { return tile_ + kLine; }

  // Takes `count` floats, a line of them at least, from there.
  void put(std::size_t count) noexcept {
    const float *from = rows() - waiting_, *const end = rows() + count;
    const std::size_t in_line = reinterpret_cast<std::uintptr_t>(to_) / sizeof(float) % kLine;
    if (in_line != 0) [[unlikely]] {  // at first alone: others have begun the line
      std::copy_n(from, kLine - in_line, to_);
      from += kLine - in_line;
      to_ += kLine - in_line;
    }
    for (; from + kLine <= end; from += kLine, to_ += kLine) stream_line(to_, from);
    waiting_ = static_cast<std::size_t>(end - from);
    for (std::size_t k = 0; k < kLine; k += kColumns) store(tile_ + k, load<Floats>(end - kLine + k));
  }

  void finish() noexcept {
    std::copy_n(rows() - waiting_, waiting_, to_);
#if defined(__SSE2__)
    _mm_sfence();
#endif
  }

 private:
  // Of a page, most matrices fill one alone. A store that crosses pages waits until those before it have
  // reached the memory: seen on Zen 4, some 100 ns each.
  alignas(kPage * sizeof(float)) float tile_[kTileValues];
  float* to_;
  std::size_t waiting_ = 0;
};

// Puts rows together, as many at once as `rows_at_once` says, and writes them where they belong: `fill(i,
// end, to)` puts rows [i, end). Returns how many were written; fewer than sixteen are left.
template <class Fill>
inline std::ptrdiff_t write_tiles(std::size_t width, std::ptrdiff_t rows, float* out, bool streaming,
                                  Fill fill) noexcept {
  const std::ptrdiff_t at_once = rows_at_once(width);
  const std::size_t values = static_cast<std::size_t>(at_once) * width;
  std::ptrdiff_t i = 0;
  if (streaming && values + kLine <= kTileValues) {
    PastCaches matrix(out);
    for (; i + at_once <= rows; i += at_once) {
      fill(i, i + at_once, matrix.rows());
      matrix.put(values);
    }
    matrix.finish();
  } else {
    for (; i + at_once <= rows; i += at_once) fill(i, i + at_once, out + static_cast<std::size_t>(i) * width);
  }
  return i;
}

void emit(const double* const* columns, std::size_t width, std::ptrdiff_t rows, float* out,
          bool streaming) noexcept {
  std::ptrdiff_t i = 0;
  if (width >= kColumns) {
    i = write_tiles(width, rows, out, streaming, [&](std::ptrdiff_t begin, std::ptrdiff_t end, float* to) {
      for (std::size_t f = 0; f < width; f += kColumns) {
        const std::size_t first = std::min(f, width - kColumns);  // the last ones may do some columns twice
        transpose(columns + first, begin, end, to + first, width);
      }
    });
  }
  for (; i < rows; ++i) {
    float* to = out + static_cast<std::size_t>(i) * width;
    std::size_t f = 0;
    for (; f + 4 <= width; f += 4) {
      const double* const* c = columns + f;
      store(to + f, to_float4(Double4{c[0][i], c[1][i], c[2][i], c[3][i]}));
    }
    for (; f < width; ++f) to[f] = to_float4(Double4{columns[f][i], 0, 0, 0})[0];
  }
}

void emit_quads(std::span<const EmittedEight> eights, std::span<const EmittedQuad> quads, std::size_t width,
                std::ptrdiff_t rows, float* out, bool streaming) noexcept {
  write_tiles(width, rows, out, streaming, [&](std::ptrdiff_t begin, std::ptrdiff_t end, float* to) {
    for (const EmittedEight& eight : eights) {
      for (std::size_t k = 0; k < 8; k += kColumns)
        transpose(eight.columns + k, begin, end, to + eight.to + k, width);
    }
    for (const EmittedQuad& quad : quads) place(quad, begin, end, to, width);
  });
}

}  // namespace
}  // namespace sentio::SENTIO_ISA
