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

[[nodiscard]] Sha256 sha256(std::span<const std::byte> bytes) noexcept;
[[nodiscard]] Sha256 sha256(std::string_view text) noexcept;

// 64 lower-case digits.
[[nodiscard]] std::string to_hex(const Sha256& digest);

}  // namespace sentio
