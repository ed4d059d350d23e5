// A session's state: what is restored is what would be saved, and the session goes on from it.
#include "made_bundle.hpp"
#include "restored.hpp"
#include "sentio/session.hpp"
#include "snapshot_bytes.hpp"

namespace sentio::fuzz {
namespace {

const SessionOptions kFeed{.interval_ns = 5 * test::kMinute};

const std::shared_ptr<const Bundle>& bundle() {
  static const auto bundle = test::load_made({.seq_len = 4, .windows_cross_sessions = false});
  return bundle;
}

bool restore(std::span<const std::byte> bytes) {
  Session session(bundle(), kFeed);
  return take_or_refuse({ErrorCode::bad_state}, [&] {
    session.restore(bytes);
    const auto saved = session.state();
    Session again(bundle(), kFeed);
    again.restore(saved);
    require(again.state() == saved);
    for (const Bar& bar : later_bars(session.last_ts(), kFeed.interval_ns)) {
      const Outcome outcome = session.on_bar(bar);
      require(again.on_bar(bar).status == outcome.status);
      require(same_bits(session.features(), again.features()));
      require(outcome.prediction.has_value() == (outcome.status == Status::predicted));
    }
  });
}

// Both headers and checksums are made good, for no mutation gets past a SHA-256. What is given: three words
// of the header from "two closer bars were seen" on, as many rows as the last of them says, the counters of
// drift with their bundle's id, and of the engine's snapshot the bars seen, the last bar's time and the
// payload.
constexpr std::size_t kHeader = 8 + 8 * 8, kGivenOfHeader = 3 * 8, kGivenOfSnapshot = 8 + 8;

// What stands between header and snapshot, by the header's last word, the number of rows; the number itself
// is the reader's to judge.
std::size_t size_of_middle(std::span<const std::byte> count) {
  constexpr std::size_t kBundleId = 64, kCounters = 12 * sizeof(std::int64_t);
  const std::size_t width = bundle()->plan()->width();
  return std::to_integer<std::size_t>(count[0]) % 8 * width * sizeof(float) + kBundleId + kCounters * width;
}

std::vector<std::byte> framed(std::span<const std::byte> given) {
  const std::size_t middle = size_of_middle(given.subspan(kGivenOfHeader - 8));
  const auto front = given.first(std::min(kGivenOfHeader + middle, given.size()));
  auto snapshot = begin_snapshot({.spec_hash = bundle()->plan()->hash()});
  snapshot.resize(snapshot.size() - kGivenOfSnapshot);
  append(snapshot, given.subspan(front.size()));
  seal_snapshot(snapshot);

  static const auto state = Session(bundle(), kFeed).state();
  std::vector<std::byte> bytes(state.begin(), state.begin() + (kHeader - kGivenOfHeader));
  append(bytes, front);
  append(bytes, snapshot);
  seal_snapshot(bytes);  // the same SHA-256 behind everything
  return bytes;
}

// What `framed` makes the state of.
std::string given_of(std::span<const std::byte> state) {
  const std::size_t front = kHeader + size_of_middle(state.subspan(kHeader - 8));
  return text_from(state.first(front), kHeader - kGivenOfHeader, 0) +
         text_from(state, front + kSnapshotHeader - kGivenOfSnapshot, 2 * kSnapshotChecksum);
}

}  // namespace

bool read(std::span<const std::byte> bytes) {
  if (text_of(bytes).starts_with("SENTIOS")) return restore(bytes);
  if (bytes.size() < kGivenOfHeader + kGivenOfSnapshot) return false;
  return restore(framed(bytes));
}

std::vector<std::string> seeds() {
  std::vector<std::string> seeds;
  const BarTable bars = test::make_bars(60, 20);
  for (const std::size_t count : {0U, 2U, 22U, 60U}) {
    Session session(bundle(), kFeed);
    for (std::size_t i = 0; i < count; ++i) (void)session.on_bar(bars[i]);  // history counts no drift
    const auto state = session.state();
    seeds.push_back(text_from(state, 0, 0));
    seeds.push_back(given_of(state));
    require(framed(bytes_of(seeds.back())) == state);
  }
  return seeds;
}

}  // namespace sentio::fuzz
