// A session's state as bytes, as docs/reference/session_state.md lists them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "runtime/record.hpp"
#include "sentio/error.hpp"
#include "sentio/session.hpp"
#include "sha256.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

constexpr std::string_view kMagic = "SENTIOSE";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kHeader = 8 + 7 * 8;
constexpr std::size_t kChecksum = 32;
constexpr std::int64_t kMostBars = std::int64_t{1} << 62;  // as a snapshot's

// What stands between the version and the rows.
struct Header {
  std::uint64_t version = kVersion;
  std::int64_t seq_len = 0, n_features = 0;
  bool windows_cross_sessions = false;
  bool closer_seen = false;
  std::int64_t bars_missing = 0;
  std::int64_t rows = 0;

  void pass(StateArchive& archive) {
    archive(version);
    archive(seq_len);
    archive(n_features);
    archive(windows_cross_sessions);
    archive(closer_seen);
    archive(bars_missing, 0, kMostBars);
    archive(rows);
  }
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::bad_state, "the session's state " + why);
}

bool begins_with_magic(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() &&
         std::equal(kMagic.begin(), kMagic.end(), bytes.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

// Checks magic, version and checksum; what it says of the window is for the session to judge.
Header read_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kHeader + kChecksum) refuse("ends too early");
  Header header;
  StateArchive archive(bytes.subspan(kMagic.size(), kHeader - kMagic.size()));
  StateArchive version(bytes.subspan(kMagic.size(), 8));
  version(header.version);
  if (header.version != kVersion) {
    refuse("has format version " + std::to_string(header.version) + ", this runtime reads " +
           std::to_string(kVersion));
  }
  const Sha256 sum = sha256(bytes.first(bytes.size() - kChecksum));
  if (!std::equal(sum.begin(), sum.end(), bytes.last(kChecksum).begin(),
                  [](std::uint8_t a, std::byte b) { return static_cast<std::byte>(a) == b; })) {
    refuse("is cut or damaged: its checksum does not fit");
  }
  header.pass(archive);
  return header;
}

float float_at(std::span<const std::byte> bytes, std::size_t k) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word |= std::to_integer<std::uint32_t>(bytes[4 * k + i]) << (8 * i);
  return std::bit_cast<float>(word);
}

}  // namespace

std::vector<std::byte> Session::state() const {
  const BundleManifest& manifest = bundle_->manifest();
  std::vector<std::byte> bytes;
  for (const char c : kMagic) bytes.push_back(static_cast<std::byte>(c));
  StateArchive archive(bytes);
  Header header{.seq_len = manifest.window.seq_len,
                .n_features = manifest.window.n_features,
                .windows_cross_sessions = manifest.windows_cross_sessions,
                .closer_seen = closer_seen_,
                .bars_missing = bars_missing_,
                .rows = static_cast<std::int64_t>(window_.count())};
  header.pass(archive);
  for (const float value : window_.newest()) {
    const auto word = std::bit_cast<std::uint32_t>(value);
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(word >> (8 * i)));
  }
  const auto engine = engine_.state();
  bytes.insert(bytes.end(), engine.begin(), engine.end());
  for (const std::uint8_t byte : sha256(std::span<const std::byte>(bytes)))
    bytes.push_back(static_cast<std::byte>(byte));
  return bytes;
}

void Session::restore(std::span<const std::byte> state) {
  if (!begins_with_magic(state)) {
    engine_.restore(state);
    window_.clear();
    // Whether two bars were ever closer than the gap is not in the snapshot; a feed whose interval is shorter
    // has had such two, unless it held hardly a bar a session.
    closer_seen_ =
        engine_.bars_seen() > 1 && bundle_->manifest().interval_ns < bundle_->plan()->session_gap();
    bars_missing_ = 0;
    record_state();
    return;
  }
  const BundleManifest& manifest = bundle_->manifest();
  const Header header = read_header(state);
  if (header.seq_len != manifest.window.seq_len || header.n_features != manifest.window.n_features ||
      header.windows_cross_sessions != manifest.windows_cross_sessions) {
    refuse("is of windows of " + std::to_string(header.seq_len) + " rows of " +
           std::to_string(header.n_features) + " features" +
           (header.windows_cross_sessions ? "" : " within a session") + ", this bundle's are of " +
           std::to_string(manifest.window.seq_len) + " rows of " +
           std::to_string(manifest.window.n_features) +
           (manifest.windows_cross_sessions ? "" : " within a session"));
  }
  if (header.rows < 0 || header.rows > header.seq_len) refuse("holds more rows than a window has");
  const auto width = static_cast<std::size_t>(header.n_features);
  const std::size_t values = static_cast<std::size_t>(header.rows) * width;
  const auto payload = state.subspan(kHeader, state.size() - kHeader - kChecksum);
  if (payload.size() / 4 < values) refuse("ends too early");

  Engine engine(bundle_->plan());
  engine.restore(payload.subspan(4 * values));
  const std::int64_t valid = engine.bars_seen() - bundle_->plan()->first_valid_row();
  if (header.rows > std::max<std::int64_t>(valid, 0)) refuse("holds rows from before the first valid one");
  Window window(manifest.window);
  std::vector<float> row(width);
  for (std::size_t k = 0; k < values; ++k) {
    row[k % width] = float_at(payload, k);
    if (!std::isfinite(row[k % width])) refuse("holds a feature that is not finite");
    if (k % width + 1 == width) window.push(row);
  }
  engine_ = std::move(engine);
  window_ = std::move(window);
  closer_seen_ = header.closer_seen;
  bars_missing_ = header.bars_missing;
  record_state();
}

}  // namespace sentio
