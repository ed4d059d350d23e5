// CRC-32 as zlib, gzip and PNG have it (ISO 3309): polynomial 0x04C11DB7, bits reflected.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace sentio {

// Of `bytes` behind those whose checksum is `before`.
[[nodiscard]] inline std::uint32_t crc32(std::span<const std::byte> bytes,
                                         std::uint32_t before = 0) noexcept {
  static constexpr auto kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t n = 0; n < table.size(); ++n) {
      std::uint32_t value = n;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320u : 0u);
      table[n] = value;
    }
    return table;
  }();
  std::uint32_t sum = ~before;
  for (const std::byte byte : bytes)
    sum = (sum >> 8) ^ kTable[(sum ^ std::to_integer<std::uint32_t>(byte)) & 0xFF];
  return ~sum;
}

}  // namespace sentio
