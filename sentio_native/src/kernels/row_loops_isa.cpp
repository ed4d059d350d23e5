// The row loops, in vectors of four doubles; compiled once for each instruction set, into a namespace of its
// own. Nothing here may depend on the instruction set but the speed: only +, -, *, comparisons and moves.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "kernels/row_loops.hpp"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace sentio::SENTIO_ISA {
namespace {

using Double4 = double __attribute__((vector_size(32)));
using Mask4 = std::int64_t __attribute__((vector_size(32)));
using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));
using Int4 = std::int32_t __attribute__((vector_size(16)));
using Int8 = std::int32_t __attribute__((vector_size(32)));

constexpr std::size_t kPage = 1024;  // floats of a page of memory
constexpr auto kQuadRow = static_cast<std::ptrdiff_t>(kLanes);

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

// kColumns columns, rows [i, end), of which there are a multiple of four, into rows of `stride` floats. Says
// whether some value is infinite or NaN.
template <bool hold>
inline bool transpose_some(const double* const* columns, std::ptrdiff_t i, std::ptrdiff_t end, float* to,
                           std::size_t stride) noexcept {
  const double* from[kColumns];
  std::copy(columns, columns + kColumns, from);
  const auto column = [&from](std::size_t k, std::ptrdiff_t row) {
    const Floats values = rounded(from, k, row);
    return hold ? held_and_canonical<Ints>(values) : values;
  };
  Ints unusual{};
  for (; i < end; i += 4, to += 4 * stride) {
    const Floats a = column(0, i), b = column(1, i), c = column(2, i), d = column(3, i);
    // x - x is zero but for infinities and NaN.
    if constexpr (!hold)
      unusual |= bits_as<Ints>(a - a) | bits_as<Ints>(b - b) | bits_as<Ints>(c - c) | bits_as<Ints>(d - d);
    const Floats ab01 = low_by_turns(a, b), ab23 = high_by_turns(a, b);
    const Floats cd01 = low_by_turns(c, d), cd23 = high_by_turns(c, d);
    store(to, low_halves(ab01, cd01));
    store(to + stride, high_halves(ab01, cd01));
    store(to + 2 * stride, low_halves(ab23, cd23));
    store(to + 3 * stride, high_halves(ab23, cd23));
  }
  std::uint64_t found = 0;
  for (const std::uint64_t word : bits_as<std::array<std::uint64_t, kColumns / 2>>(unusual)) found |= word;
  return found != 0;
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
  Int4 unusual{};
  const auto rounded = [&](Double4 value) {
    const auto v = __builtin_convertvector(value, Float4);
    if constexpr (hold) return held_and_canonical<Int4>(v);
    unusual |= bits_as<Int4>(v - v);
    return v;
  };
  if (quad.neighbours) {
    to += quad.to[0];
    for (; i < end; ++i, to += stride) {
      store(to, rounded(load<Double4>(quad.rows + kQuadRow * i)));
    }
  } else {
    for (; i < end; ++i, to += stride) {
      const Float4 v = rounded(load<Double4>(quad.rows + kQuadRow * i));
      for (std::size_t k = 0; k < kLanes; ++k) {
        if (quad.to[k] != kNotEmitted) to[quad.to[k]] = v[k];
      }
    }
  }
  const auto words = bits_as<std::array<std::uint64_t, 2>>(unusual);
  return (words[0] | words[1]) != 0;
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

extern const RowLoops kRowLoops;
#if defined(__AVX2__)
constexpr bool kHasAvx2 = true;
#else
constexpr bool kHasAvx2 = false;
#endif
const RowLoops kRowLoops = {SENTIO_ISA_NAME, kHasAvx2, decay, emit, emit_quads};

}  // namespace sentio::SENTIO_ISA
