// Vectors, for files that are compiled once for each instruction set: SENTIO_ISA is the namespace of the one
// at hand, so that no two of them share a function.
#pragma once

#include <cstdint>
#include <cstring>

namespace sentio::SENTIO_ISA {
namespace {

using Double4 = double __attribute__((vector_size(32)));
using Float4 = float __attribute__((vector_size(16)));
using Float8 = float __attribute__((vector_size(32)));
using Int4 = std::int32_t __attribute__((vector_size(16)));
using Int8 = std::int32_t __attribute__((vector_size(32)));

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

}  // namespace
}  // namespace sentio::SENTIO_ISA
