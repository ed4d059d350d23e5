// The row loops, in vectors of four doubles; compiled once for each instruction set, into a namespace of its
// own. Nothing here may depend on the instruction set but the speed: only +, -, *, comparisons and moves.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/row_loops.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sentio::SENTIO_ISA {
namespace {

using Double4 = double __attribute__((vector_size(32)));
using Mask4 = std::int64_t __attribute__((vector_size(32)));
using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));
using Int4 = std::int32_t __attribute__((vector_size(16)));
using Int8 = std::int32_t __attribute__((vector_size(32)));

constexpr std::ptrdiff_t kTile = 16;            // rows that are put together in the first-level cache
constexpr std::size_t kTileValues = 16 * 1024;  // of which at most so many floats

template <class Vector, class Value>
inline Vector load(const Value* from) noexcept {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class Vector, class Value>
inline void store(Value* to, Vector v) noexcept {
  std::memcpy(to, &v, sizeof v);
}

// As std::bit_cast, which the sanitizer of GCC 12 takes for a load of a null pointer where it is given
// vectors.
template <class To, class From>
inline To bits_as(From from) noexcept {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <std::size_t groups>
void decay_groups(const double* x, std::ptrdiff_t rows, double* const* out, double* value,
                  const double* alpha) noexcept {
  Double4 y[groups], a[groups];
  for (std::size_t g = 0; g < groups; ++g) {
    y[g] = load<Double4>(value + kLanes * g);
    a[g] = load<Double4>(alpha + kLanes * g);
  }
  const auto next = [&](double newest, std::size_t g) {
    y[g] += a[g] * (Double4{newest, newest, newest, newest} - y[g]);
    return y[g];
  };
  std::ptrdiff_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    // Group by group, so that the registers hold what is at hand; the processor itself overlaps the groups.
    for (std::size_t g = 0; g < groups; ++g) {
      const Double4 r0 = next(x[i], g), r1 = next(x[i + 1], g), r2 = next(x[i + 2], g),
                    r3 = next(x[i + 3], g);
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
      const Double4 v = next(x[i], g);
      for (std::size_t k = 0; k < kLanes; ++k) out[kLanes * g + k][i] = v[k];
    }
  }
  for (std::size_t g = 0; g < groups; ++g) store(value + kLanes * g, y[g]);
}

void decay(const double* x, std::ptrdiff_t rows, double* const* out, double* value, const double* alpha,
           std::size_t lanes) noexcept {
  // Eight groups at a time: enough recurrences in flight to hide their latency.
  for (std::size_t lane = 0; lane < lanes; lane += 8 * kLanes) {
    constexpr decltype(&decay_groups<1>) of_groups[] = {decay_groups<1>, decay_groups<2>, decay_groups<3>,
                                                        decay_groups<4>, decay_groups<5>, decay_groups<6>,
                                                        decay_groups<7>, decay_groups<8>};
    of_groups[std::min<std::size_t>((lanes - lane) / kLanes, 8) - 1](x, rows, out + lane, value + lane,
                                                                     alpha + lane);
  }
}

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

// Eight columns, rows [i, i + kTile), into rows of `stride` floats. Says whether some value is infinite or
// NaN.
template <bool hold>
inline bool transpose8(const double* const* columns, std::ptrdiff_t i, float* to,
                       std::size_t stride) noexcept {
  const double* from[8];
  std::copy(columns, columns + 8, from);
  const auto rounded = [&from](std::size_t k, std::ptrdiff_t row) {
    const Float4 low = __builtin_convertvector(load<Double4>(from[k] + row), Float4);
    const Float4 high = __builtin_convertvector(load<Double4>(from[k + 4] + row), Float4);
    const Float8 both = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    return hold ? held_and_canonical<Int8>(both) : both;
  };
  Int8 unusual{};
  for (std::ptrdiff_t end = i + kTile; i < end; i += 4, to += 4 * stride) {
    const Float8 a = rounded(0, i), b = rounded(1, i), c = rounded(2, i), d = rounded(3, i);
    // x - x is zero but for infinities and NaN.
    if constexpr (!hold)
      unusual |= bits_as<Int8>(a - a) | bits_as<Int8>(b - b) | bits_as<Int8>(c - c) | bits_as<Int8>(d - d);
    const Float8 ab01 = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
    const Float8 ab23 = __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    const Float8 cd01 = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13);
    const Float8 cd23 = __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    store(to, __builtin_shufflevector(ab01, cd01, 0, 1, 8, 9, 4, 5, 12, 13));
    store(to + stride, __builtin_shufflevector(ab01, cd01, 2, 3, 10, 11, 6, 7, 14, 15));
    store(to + 2 * stride, __builtin_shufflevector(ab23, cd23, 0, 1, 8, 9, 4, 5, 12, 13));
    store(to + 3 * stride, __builtin_shufflevector(ab23, cd23, 2, 3, 10, 11, 6, 7, 14, 15));
  }
  const auto words = bits_as<std::array<std::uint64_t, 4>>(unusual);
  return (words[0] | words[1] | words[2] | words[3]) != 0;
}

void copy_past_caches(float* to, const float* from, std::size_t count) noexcept {
#if defined(__SSE2__)
  if (reinterpret_cast<std::uintptr_t>(to) % 16 == 0 && count % 4 == 0) {
    for (std::size_t k = 0; k < count; k += 4) _mm_stream_ps(to + k, _mm_load_ps(from + k));
    return;
  }
#endif
  std::memcpy(to, from, count * sizeof(float));
}

void emit(const double* const* columns, std::size_t width, std::ptrdiff_t rows, float* out,
          bool streaming) noexcept {
  alignas(64) float tile[kTileValues];
  std::ptrdiff_t i = 0;
  if (width >= 8 && width * kTile <= kTileValues) {
    for (; i + kTile <= rows; i += kTile) {
      float* const row = out + static_cast<std::size_t>(i) * width;
      float* const to = streaming ? tile : row;
      for (std::size_t f = 0; f < width; f += 8) {
        const std::size_t first = f + 8 <= width ? f : width - 8;  // the last eight may do some columns twice
        if (transpose8<false>(columns + first, i, to + first, width)) [[unlikely]]
          transpose8<true>(columns + first, i, to + first, width);
      }
      if (streaming) copy_past_caches(row, tile, width * kTile);
    }
#if defined(__SSE2__)
    if (streaming) _mm_sfence();
#endif
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

}  // namespace

extern const RowLoops kRowLoops;
#if defined(__AVX2__)
constexpr bool kHasAvx2 = true;
#else
constexpr bool kHasAvx2 = false;
#endif
const RowLoops kRowLoops = {SENTIO_ISA_NAME, kHasAvx2, decay, emit};

}  // namespace sentio::SENTIO_ISA
