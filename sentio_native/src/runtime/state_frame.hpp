// The frame of a saved session or strategy: magic, format version, payload, SHA-256 of all that is before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sentio {

struct StateFormat {
  std::string_view magic;  // eight letters
  std::uint64_t version;
  std::string_view what;  // begins the message where bytes are refused
};

// Starts a state; the payload is appended to what is returned.
[[nodiscard]] std::vector<std::byte> begin_state(const StateFormat& format);
// Appends the checksum.
void seal_state(std::vector<std::byte>& bytes);

[[nodiscard]] bool is_state(std::span<const std::byte> bytes, const StateFormat& format) noexcept;
// The payload. Throws Error(bad_state) where the version or the checksum is another.
[[nodiscard]] std::span<const std::byte> open_state(std::span<const std::byte> bytes,
                                                    const StateFormat& format);
[[noreturn]] void refuse_state(const StateFormat& format, const std::string& why);

}  // namespace sentio
