// A session's state as bytes, as docs/reference/session_state.md lists them.
#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "runtime/interval.hpp"
#include "runtime/record.hpp"
#include "runtime/state_frame.hpp"
#include "sentio/error.hpp"
#include "sentio/session.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

constexpr StateFormat kSessionFormat{.magic = "SENTIOSE", .version = 3, .what = "the session's state"};
constexpr std::size_t kHeader = 7 * 8;
constexpr std::size_t kBundleId = 64;
constexpr std::int64_t kMostBars = std::int64_t{1} << 62;  // as a snapshot's

// What stands before the rows.
struct Header {
  std::int64_t seq_len = 0, n_features = 0;
  bool windows_cross_sessions = false;
  std::int64_t interval_ns = 0;
  bool closer_seen = false;
  std::int64_t bars_missing = 0;
  std::int64_t rows = 0;

  void pass(StateArchive& archive) {
    archive(seq_len);
    archive(n_features);
    archive(windows_cross_sessions);
    archive(interval_ns);
    archive(closer_seen);
    archive(bars_missing, 0, kMostBars);
    archive(rows);
  }
};

Header read_header(std::span<const std::byte> payload) {
  if (payload.size() < kHeader) refuse_state(kSessionFormat, "ends too early");
  Header header;
  StateArchive archive(payload);
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
  std::vector<std::byte> bytes = begin_state(kSessionFormat);
  StateArchive archive(bytes);
  Header header{.seq_len = manifest.window.seq_len,
                .n_features = manifest.window.n_features,
                .windows_cross_sessions = manifest.windows_cross_sessions,
                .interval_ns = manifest.interval_ns,
                .closer_seen = closer_seen_,
                .bars_missing = bars_missing_,
                .rows = static_cast<std::int64_t>(window_.count())};
  header.pass(archive);
  for (const float value : window_.newest()) {
    const auto word = std::bit_cast<std::uint32_t>(value);
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::byte>(word >> (8 * i)));
  }
  for (const char digit : bundle_->id()) bytes.push_back(static_cast<std::byte>(digit));
  for (std::int64_t count : drift_.counts_) archive(count);
  const auto engine = engine_.state();
  bytes.insert(bytes.end(), engine.begin(), engine.end());
  seal_state(bytes);
  return bytes;
}

void Session::restore(std::span<const std::byte> state) {
  Session next(*this);
  if (!is_state(state, kSessionFormat)) {
    next.engine_.restore(state);
    next.window_.clear();
    // Whether two bars were ever closer than the gap is not in the snapshot; a feed whose interval is shorter
    // has had such two, unless it held hardly a bar a session.
    next.closer_seen_ =
        next.engine_.bars_seen() > 1 && bundle_->manifest().interval_ns < bundle_->plan()->session_gap();
    next.bars_missing_ = 0;
    next.drift_.reset();
    go_on_as(std::move(next));
    return;
  }
  const BundleManifest& manifest = bundle_->manifest();
  std::span<const std::byte> payload = open_state(state, kSessionFormat);
  const Header header = read_header(payload);
  if (header.interval_ns != manifest.interval_ns) {
    refuse_state(kSessionFormat, "is of bars of " + interval_text(header.interval_ns) +
                                     ", this bundle's are of " + manifest.interval);
  }
  if (header.seq_len != manifest.window.seq_len || header.n_features != manifest.window.n_features ||
      header.windows_cross_sessions != manifest.windows_cross_sessions) {
    refuse_state(kSessionFormat, "is of windows of " + std::to_string(header.seq_len) + " rows of " +
                                     std::to_string(header.n_features) + " features" +
                                     (header.windows_cross_sessions ? "" : " within a session") +
                                     ", this bundle's are of " + std::to_string(manifest.window.seq_len) +
                                     " rows of " + std::to_string(manifest.window.n_features) +
                                     (manifest.windows_cross_sessions ? "" : " within a session"));
  }
  if (header.rows < 0 || header.rows > header.seq_len)
    refuse_state(kSessionFormat, "holds more rows than a window has");
  const auto width = static_cast<std::size_t>(header.n_features);
  const std::size_t values = static_cast<std::size_t>(header.rows) * width;
  const std::size_t before_engine = kHeader + 4 * values + kBundleId + 8 * drift_.counts_.size();
  if (payload.size() < before_engine) refuse_state(kSessionFormat, "ends too early");

  next.engine_.restore(payload.subspan(before_engine));
  const std::int64_t valid =
      std::max<std::int64_t>(next.engine_.bars_seen() - bundle_->plan()->first_valid_row(), 0);
  if (header.rows > valid) refuse_state(kSessionFormat, "holds rows from before the first valid one");
  payload = payload.first(before_engine).subspan(kHeader);
  next.window_ = Window(manifest.window);
  std::vector<float> row(width);
  for (std::size_t k = 0; k < values; ++k) {
    row[k % width] = float_at(payload, k);
    if (!std::isfinite(row[k % width])) refuse_state(kSessionFormat, "holds a feature that is not finite");
    if (k % width + 1 == width) next.window_.push(row);
  }
  next.drift_ = read_drift(payload.subspan(4 * values), valid);
  next.closer_seen_ = header.closer_seen;
  next.bars_missing_ = header.bars_missing;
  go_on_as(std::move(next));
}

// Counters say nothing of another bundle's ranges: with one, they begin anew.
Drift Session::read_drift(std::span<const std::byte> bytes, std::int64_t most_rows) const {
  Drift drift(bundle_->manifest().drift);
  const bool is_own = std::ranges::equal(bytes.first(kBundleId), std::as_bytes(std::span(bundle_->id())));
  StateArchive archive(bytes.subspan(kBundleId));
  const std::size_t cells = drift.counts_.size() / drift.width();
  for (std::size_t f = 0; f < drift.width(); ++f) {
    std::int64_t left = f == 0 ? most_rows : drift.rows_;
    for (std::size_t k = 0; k < cells; ++k) {
      std::int64_t& count = drift.counts_[f * cells + k];
      archive(count, 0, left);
      left -= count;
    }
    if (f == 0) drift.rows_ = most_rows - left;
    if (f > 0 && left != 0)
      refuse_state(kSessionFormat, "has counted more rows of one feature than of another");
  }
  if (!is_own) drift.reset();
  return drift;
}

}  // namespace sentio
