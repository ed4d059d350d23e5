// A strict reader of numpy's npy format 1.0: little-endian int64, float32 and float64 in C order, nothing
// else. The format: numpy, doc/neps/nep-0001-npy-format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sentio {

// An array inside a file's bytes, which must outlive it.
template <class T>
struct NpyView {
  std::vector<std::size_t> shape;
  std::span<const T> values;

  // Of the first axis.
  [[nodiscard]] std::size_t rows() const noexcept { return shape.front(); }
};

// `name` names the file in messages. Throws Error(bad_bundle), with the reason, where the bytes are not an
// array of `T` with `dimensions` axes, whole and with nothing behind it.
template <class T>
[[nodiscard]] NpyView<T> read_npy(std::span<const std::byte> bytes, std::string_view name,
                                  std::size_t dimensions);

extern template NpyView<std::int64_t> read_npy(std::span<const std::byte>, std::string_view, std::size_t);
extern template NpyView<float> read_npy(std::span<const std::byte>, std::string_view, std::size_t);
extern template NpyView<double> read_npy(std::span<const std::byte>, std::string_view, std::size_t);

}  // namespace sentio
