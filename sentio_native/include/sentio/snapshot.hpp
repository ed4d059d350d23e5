// What a snapshot says of itself, readable without an engine. The bytes: docs/reference/snapshot.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sentio/export.hpp"

namespace sentio {

inline constexpr std::uint64_t kSnapshotVersion = 2;

struct SnapshotInfo {
  std::uint64_t version = kSnapshotVersion;
  std::array<std::uint8_t, 32> spec_hash{};
  std::int64_t bars_seen = 0;
  std::int64_t last_ts = 0;  // meaningless where bars_seen is 0
};

// Checks magic, version and checksum. Throws Error(bad_state) with the reason.
[[nodiscard]] SENTIO_API SnapshotInfo inspect_snapshot(std::span<const std::byte> bytes);

}  // namespace sentio
