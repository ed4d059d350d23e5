// Reading npy: the header is Python source, so only the exact form that numpy writes is accepted.
#include "runtime/npy.hpp"

#include <bit>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "sentio/error.hpp"

namespace sentio {
namespace {

static_assert(std::endian::native == std::endian::little, "npy files are mapped as they are, little-endian");

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kHeaderStart = 10;  // after magic, version and the header's length, uint16

template <class T>
constexpr std::string_view kDescription;
template <>
constexpr std::string_view kDescription<std::int64_t> = "<i8";
template <>
constexpr std::string_view kDescription<float> = "<f4";
template <>
constexpr std::string_view kDescription<double> = "<f8";

class HeaderReader {
 public:
  HeaderReader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorCode::bad_bundle, std::string(name_) + ": " + reason);
  }

  void expect(std::string_view token) {
    if (!accept(token))
      refuse("its npy header is not as numpy writes it, '" + std::string(token) + "' is missing");
  }

  bool accept(std::string_view token) {
    if (!text_.starts_with(token)) return false;
    text_.remove_prefix(token.size());
    return true;
  }

  std::string_view until(char end) {
    const std::size_t length = text_.find(end);
    if (length == std::string_view::npos) refuse("its npy header is cut");
    const std::string_view token = text_.substr(0, length);
    text_.remove_prefix(length);
    return token;
  }

  std::size_t number() {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error != std::errc()) refuse("its npy header holds no valid shape");
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return value;
  }

  // (), (3,), (3, 4)
  std::vector<std::size_t> shape() {
    std::vector<std::size_t> shape;
    expect("(");
    while (!accept(")")) {
      if (!shape.empty()) expect(" ");
      shape.push_back(number());
      if (accept(")")) {
        if (shape.size() == 1) refuse("its npy header holds no valid shape");  // "(3)" is no tuple
        break;
      }
      expect(",");
      if (shape.size() > 1 && !text_.starts_with(" ")) refuse("its npy header holds no valid shape");
    }
    return shape;
  }

  void expect_padding() {
    if (text_.empty() || text_.back() != '\n' || text_.find_first_not_of(' ') != text_.size() - 1) {
      refuse("its npy header does not end with spaces and a line feed");
    }
  }

 private:
  std::string_view text_;
  std::string_view name_;
};

}  // namespace

template <class T>
NpyLayout read_npy_layout(std::span<const std::byte> head, std::size_t file_size, std::string_view name,
                          std::size_t dimensions) {
  const std::string_view all(reinterpret_cast<const char*>(head.data()), head.size());
  HeaderReader whole(all, name);
  if (!all.starts_with(kMagic) || all.size() < kHeaderStart) whole.refuse("is not an npy file of format 1.0");
  const std::size_t length = std::to_integer<std::size_t>(head[8]) | std::to_integer<std::size_t>(head[9])
                                                                         << 8;
  if (all.size() < kHeaderStart + length) whole.refuse("its npy header is cut");

  HeaderReader header(all.substr(kHeaderStart, length), name);
  header.expect("{'descr': '");
  const std::string_view description = header.until('\'');
  if (description != kDescription<T>) {
    header.refuse("holds '" + std::string(description) + "', allowed is '" + std::string(kDescription<T>) +
                  "'");
  }
  header.expect("', 'fortran_order': ");
  if (header.accept("True")) header.refuse("is in Fortran order, allowed is C order");
  header.expect("False, 'shape': ");
  NpyLayout layout{.shape = header.shape(), .data_offset = kHeaderStart + length};
  header.expect(", }");
  header.expect_padding();

  if (layout.shape.size() != dimensions) {
    header.refuse("has " + std::to_string(layout.shape.size()) + " dimensions, allowed is " +
                  std::to_string(dimensions));
  }
  std::size_t size = sizeof(T);
  for (const std::size_t extent : layout.shape) {
    if (extent != 0 && size > std::numeric_limits<std::size_t>::max() / extent)
      header.refuse("its shape overflows");
    size *= extent;
  }
  if (file_size - layout.data_offset != size) {
    header.refuse("holds " + std::to_string(file_size - layout.data_offset) +
                  " bytes of values, its shape needs " + std::to_string(size));
  }
  return layout;
}

template <class T>
NpyView<T> read_npy(std::span<const std::byte> bytes, std::string_view name, std::size_t dimensions) {
  NpyLayout layout = read_npy_layout<T>(bytes, bytes.size(), name, dimensions);
  const auto data = bytes.subspan(layout.data_offset);
  if (reinterpret_cast<std::uintptr_t>(data.data()) % alignof(T) != 0) {
    throw Error(ErrorCode::bad_bundle, std::string(name) + ": its values are not aligned");
  }
  return {std::move(layout.shape), {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)}};
}

template NpyLayout read_npy_layout<std::int64_t>(std::span<const std::byte>, std::size_t, std::string_view,
                                                 std::size_t);
template NpyLayout read_npy_layout<float>(std::span<const std::byte>, std::size_t, std::string_view,
                                          std::size_t);
template NpyLayout read_npy_layout<double>(std::span<const std::byte>, std::size_t, std::string_view,
                                           std::size_t);
template NpyView<std::int64_t> read_npy(std::span<const std::byte>, std::string_view, std::size_t);
template NpyView<float> read_npy(std::span<const std::byte>, std::string_view, std::size_t);
template NpyView<double> read_npy(std::span<const std::byte>, std::string_view, std::size_t);

}  // namespace sentio
