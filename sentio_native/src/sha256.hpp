// SHA-256 (FIPS 180-4), for spec hashes, snapshots and bundles.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sentio {

using Sha256 = std::array<std::uint8_t, 32>;

// Bytes that come in parts.
class Sha256Hasher {
 public:
  void update(std::span<const std::byte> bytes) noexcept;
  // Of all bytes so far; more may follow.
  [[nodiscard]] Sha256 digest() const noexcept;

 private:
  static constexpr std::size_t kBlock = 64;

  // FIPS 180-4 section 5.3.3: the fractional parts of the square roots of the first eight primes.
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, kBlock> rest_{};  // what has not filled a block yet
  std::uint64_t size_ = 0;
};

[[nodiscard]] Sha256 sha256(std::span<const std::byte> bytes) noexcept;
[[nodiscard]] Sha256 sha256(std::string_view text) noexcept;

// 64 lower-case digits.
[[nodiscard]] std::string to_hex(const Sha256& digest);

}  // namespace sentio
