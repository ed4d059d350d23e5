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
};

struct NpyLayout {
  std::vector<std::size_t> shape;
  std::size_t data_offset = 0;  // of the values, in bytes
};

// What a file of `file_size` bytes, which begins with `head`, holds. `head` must reach to the header's end:
// 64 KiB and 10 bytes always do, or the whole file. `name` names the file in messages. Throws
// Error(bad_bundle), with the reason, where it is not an array of `T` with `dimensions` axes, whole and with
// nothing behind it.
template <class T>
[[nodiscard]] NpyLayout read_npy_layout(std::span<const std::byte> head, std::size_t file_size,
                                        std::string_view name, std::size_t dimensions);

// The whole file's bytes. Throws as read_npy_layout, and where the values are not aligned.
template <class T>
[[nodiscard]] NpyView<T> read_npy(std::span<const std::byte> bytes, std::string_view name,
                                  std::size_t dimensions);

extern template NpyLayout read_npy_layout<std::int64_t>(std::span<const std::byte>, std::size_t,
                                                        std::string_view, std::size_t);
extern template NpyLayout read_npy_layout<float>(std::span<const std::byte>, std::size_t, std::string_view,
                                                 std::size_t);
extern template NpyLayout read_npy_layout<double>(std::span<const std::byte>, std::size_t, std::string_view,
                                                  std::size_t);
extern template NpyView<std::int64_t> read_npy(std::span<const std::byte>, std::string_view, std::size_t);
extern template NpyView<float> read_npy(std::span<const std::byte>, std::string_view, std::size_t);
extern template NpyView<double> read_npy(std::span<const std::byte>, std::string_view, std::size_t);

}  // namespace sentio
