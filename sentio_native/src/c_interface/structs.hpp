// Structs that carry their size are copied as far as both sides know them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "c_interface/results.hpp"

namespace sentio::c {

// The size of each struct in the first version of this interface; none was ever smaller. A struct that grew
// names its first new field below.
template <class Struct>
inline constexpr std::size_t kFirstSize = sizeof(Struct);
template <>
inline constexpr std::size_t kFirstSize<sentio_options> = offsetof(sentio_options, record);
template <>
inline constexpr std::size_t kFirstSize<sentio_outcome> = offsetof(sentio_outcome, model_id);
template <>
inline constexpr std::size_t kFirstSize<sentio_bundle_info> = offsetof(sentio_bundle_info, created_at);

// No struct will ever be larger, and a size that was never set often is: believed, it would have the library
// write over whatever is there.
inline constexpr std::uint32_t kMostSize = 4096;

// As the kernel's copy_struct_from_user: what the caller has and the library does not know must be 0, and
// what an older caller does not have is.
template <class Struct>
Struct read_struct(const Struct* from) {
  require(from != nullptr, "a struct is NULL");
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  require(size >= kFirstSize<Struct>, "struct_size is smaller than the struct: set it to its sizeof");
  require(size <= kMostSize, "struct_size is above 4096: set it to the struct's sizeof");
  const auto* bytes = reinterpret_cast<const unsigned char*>(from);
  const auto is_zero = [](unsigned char byte) { return byte == 0; };
  require(size % alignof(Struct) == 0, "struct_size ends amid a field: set it to the struct's sizeof");
  require(size <= sizeof(Struct) || std::all_of(bytes + sizeof(Struct), bytes + size, is_zero),
          "a struct holds fields that this library is too old to know");
  Struct own{};
  std::memcpy(&own, from, std::min<std::size_t>(size, sizeof own));
  require(own.reserved == 0, "reserved is not 0");
  return own;
}

// "" for NULL. A text that is empty is refused: an environment variable that is not set asks for nothing
// less.
inline std::string optional_text(const char* text, const char* field) {
  if (text == nullptr) return {};
  require(*text != '\0', field);
  return text;
}

template <class Struct>
bool has_size(const Struct* to) noexcept {
  return to != nullptr && to->struct_size >= kFirstSize<Struct> && to->struct_size <= kMostSize;
}

template <class Struct>
void require_output(const Struct* to) {
  require(has_size(to),
          "a struct is NULL, or its struct_size smaller than it or above 4096: set it to its sizeof");
}

// Fields that the caller has and the library does not know become 0.
template <class Struct>
void write_struct(Struct own, Struct* to) noexcept {
  const std::size_t size = to->struct_size;
  own.struct_size = to->struct_size;
  std::memcpy(to, &own, std::min(size, sizeof own));
  if (size > sizeof own) std::memset(reinterpret_cast<unsigned char*>(to) + sizeof own, 0, size - sizeof own);
}

}  // namespace sentio::c
