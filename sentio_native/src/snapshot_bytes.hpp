// The frame of a snapshot: header, payload, checksum.
#pragma once

#include <span>
#include <vector>

#include "sentio/snapshot.hpp"

namespace sentio {

// magic, version, spec hash, bars seen, last time.
inline constexpr std::size_t kSnapshotHeader = 8 + 8 + 32 + 8 + 8;
inline constexpr std::size_t kSnapshotChecksum = 32;

// Starts a snapshot; the payload is appended to what is returned.
[[nodiscard]] std::vector<std::byte> begin_snapshot(const SnapshotInfo& info);
// Appends the checksum.
void seal_snapshot(std::vector<std::byte>& bytes);

[[nodiscard]] inline std::span<const std::byte> snapshot_payload(std::span<const std::byte> bytes) {
  return bytes.subspan(kSnapshotHeader, bytes.size() - kSnapshotHeader - kSnapshotChecksum);
}

}  // namespace sentio
