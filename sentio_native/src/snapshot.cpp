// The frame of a snapshot, as docs/reference/snapshot.md lists it.
#include <algorithm>
#include <bit>
#include <string_view>

#include "sha256.hpp"
#include "snapshot_bytes.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

constexpr std::string_view kMagic = "SENTIOST";
// A bar a nanosecond for a century and more; beyond it, counting on would overflow.
constexpr std::int64_t kMostBars = std::int64_t{1} << 62;

}  // namespace

std::vector<std::byte> begin_snapshot(const SnapshotInfo& info) {
  std::vector<std::byte> bytes;
  for (const char c : kMagic) bytes.push_back(static_cast<std::byte>(c));
  StateArchive archive(bytes);
  std::uint64_t version = info.version;
  archive(version);
  for (const std::uint8_t byte : info.spec_hash) bytes.push_back(static_cast<std::byte>(byte));
  std::int64_t bars_seen = info.bars_seen, last_ts = info.last_ts;
  archive(bars_seen);
  archive(last_ts);
  return bytes;
}

void seal_snapshot(std::vector<std::byte>& bytes) {
  for (const std::uint8_t byte : sha256(std::span<const std::byte>(bytes)))
    bytes.push_back(static_cast<std::byte>(byte));
}

SnapshotInfo inspect_snapshot(std::span<const std::byte> bytes) {
  const auto same = [](std::byte a, char b) { return a == static_cast<std::byte>(b); };
  if (bytes.size() < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin(),
                                                  [&](char a, std::byte b) { return same(b, a); })) {
    throw Error(ErrorCode::bad_state, "these bytes are not a snapshot: they do not begin with SENTIOST");
  }
  if (bytes.size() < kSnapshotHeader + kSnapshotChecksum) {
    throw Error(ErrorCode::bad_state, "the snapshot ends too early");
  }
  SnapshotInfo info;
  StateArchive version(bytes.subspan(8, 8));
  version(info.version);
  if (info.version != kSnapshotVersion) {
    throw Error(ErrorCode::bad_state, "the snapshot has format version " + std::to_string(info.version) +
                                          ", this engine reads " + std::to_string(kSnapshotVersion));
  }
  const Sha256 sum = sha256(bytes.first(bytes.size() - kSnapshotChecksum));
  const auto stored = bytes.last(kSnapshotChecksum);
  if (!std::equal(sum.begin(), sum.end(), stored.begin(),
                  [](std::uint8_t a, std::byte b) { return static_cast<std::byte>(a) == b; })) {
    throw Error(ErrorCode::bad_state, "the snapshot is cut or damaged: its checksum does not fit");
  }
  std::transform(bytes.begin() + 16, bytes.begin() + 48, info.spec_hash.begin(),
                 [](std::byte b) { return std::to_integer<std::uint8_t>(b); });
  StateArchive rest(bytes.subspan(48, 16));
  rest(info.bars_seen);
  rest(info.last_ts);
  if (info.bars_seen < 0 || info.bars_seen > kMostBars) {
    throw Error(ErrorCode::bad_state,
                "the snapshot claims an impossible number of bars, " + std::to_string(info.bars_seen));
  }
  return info;
}

}  // namespace sentio
