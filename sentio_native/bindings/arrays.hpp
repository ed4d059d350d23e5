// Python's arrays as the spans that the library takes.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <span>
#include <string>

#include "sentio/bar.hpp"
#include "sentio/error.hpp"

inline bool has_flags(const pybind11::array& array, int flags) {
  return (array.flags() & flags) == flags;
}

inline constexpr int kContiguous =
    pybind11::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | pybind11::detail::npy_api::NPY_ARRAY_ALIGNED_;

template <class T>
constexpr const char* name_of() {
  return std::is_same_v<T, double> ? "float64" : std::is_same_v<T, float> ? "float32" : "int64";
}

// Exact dtype, contiguous: a silent copy or conversion would hide a caller's mistake.
template <class T>
std::span<const T> column(const pybind11::array& array, const char* name) {
  if (!pybind11::isinstance<pybind11::array_t<T>>(array) || array.ndim() != 1 ||
      !has_flags(array, kContiguous)) {
    throw sentio::Error(sentio::ErrorCode::bad_argument,
                        std::string(name) + " must be a contiguous, aligned, one-dimensional array of " +
                            name_of<T>() + ", found " + pybind11::str(array.dtype()).cast<std::string>() +
                            " with " + std::to_string(array.ndim()) + " dimensions");
  }
  return {static_cast<const T*>(array.data()), static_cast<std::size_t>(array.shape(0))};
}

inline sentio::BarColumns columns(const pybind11::array& ts, const pybind11::array& open,
                                  const pybind11::array& high, const pybind11::array& low,
                                  const pybind11::array& close, const pybind11::array& volume) {
  return {column<std::int64_t>(ts, "ts"), column<double>(open, "open"),   column<double>(high, "high"),
          column<double>(low, "low"),     column<double>(close, "close"), column<double>(volume, "volume")};
}
