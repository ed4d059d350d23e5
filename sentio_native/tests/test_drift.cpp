// Live rows are counted by the deciles of training, once each, and through everything that befalls a session.
#include <cmath>

#include "check.hpp"
#include "made_bundle.hpp"
#include "sentio/session_batch.hpp"
#include "sha256.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const SessionOptions kFeed{.interval_ns = 5 * kMinute};
constexpr std::size_t kFirstValid = 4;  // of the made bundle's spec

FeatureRange range_of(float min, std::array<float, 9> deciles, float max,
                      std::array<std::int64_t, 10> counts) {
  return {min, deciles, max, counts};
}

const FeatureRange kEven = range_of(-1, {0, 1, 2, 3, 4, 5, 6, 7, 8}, 9, {7, 7, 7, 7, 7, 7, 7, 7, 7, 7});

TEST(a_value_is_in_the_bin_whose_upper_bound_it_does_not_exceed) {
  const auto bin_of = [](float value) {
    Drift drift(std::span(&kEven, 1));
    drift.count(std::span(&value, 1));
    const FeatureDrift found = drift.feature(0);
    int bin = -1;
    for (std::size_t k = 0; k < found.bins.size(); ++k) {
      if (found.bins[k] == 1) bin = static_cast<int>(k);
    }
    CHECK_EQUAL(found.rows, 1);
    CHECK_EQUAL(found.below_min, value < -1 ? 1 : 0);
    CHECK_EQUAL(found.above_max, value > 9 ? 1 : 0);
    CHECK_EQUAL(found.out_of_range, value < -1 || value > 9 ? 1.0 : 0.0);
    return bin;
  };
  CHECK_EQUAL(bin_of(-1e30F), 0);
  CHECK_EQUAL(bin_of(std::nextafter(-1.0F, -2.0F)), 0);
  CHECK_EQUAL(bin_of(-1), 0);
  for (int decile = 0; decile < 9; ++decile) {
    const auto edge = static_cast<float>(decile);
    CHECK_EQUAL(bin_of(edge), decile);
    CHECK_EQUAL(bin_of(std::nextafter(edge, 100.0F)), decile + 1);
  }
  CHECK_EQUAL(bin_of(9), 9);
  CHECK_EQUAL(bin_of(std::nextafter(9.0F, 100.0F)), 9);
  CHECK_EQUAL(bin_of(1e30F), 9);
}

double psi_of(const FeatureRange& range, std::span<const float> values) {
  Drift drift(std::span(&range, 1));
  for (const float& value : values) drift.count(std::span(&value, 1));
  return drift.feature(0).psi;
}

TEST(the_index_is_that_of_its_definition) {
  // Nine of ten training rows were 0: all deciles are one bound, between two bins. By hand, with half a row
  // added to each bin: p = (9.5, 1.5) / 11, q = (5.5, 5.5) / 11.
  const FeatureRange rare = range_of(0, {0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, {9, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  const std::vector<float> halves = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, same = {0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
  CHECK(std::fabs(psi_of(rare, halves) - 0.6712097056357567) < 1e-15);
  CHECK_EQUAL(psi_of(rare, same), 0.0);
  // All that is live lies in the last tenth: p = 1 / 10, q = 0.5 / 55 nine times, then 50.5 / 55.
  FeatureRange hundreds = kEven;
  hundreds.counts.fill(100);
  CHECK(std::fabs(psi_of(hundreds, std::vector<float>(50, 8.5F)) - 3.7760076955973947) < 1e-14);
  CHECK(std::isnan(psi_of(kEven, {})));
  CHECK(std::isnan(Drift(std::span(&kEven, 1)).feature(0).out_of_range));
}

// Rows [first, end) of the bars' features, counted one by one; the made bundle's ranges are kEven.
std::vector<FeatureDrift> counted(const BarTable& bars, std::size_t first, std::size_t end) {
  const auto plan = Plan::compile(kSpec);
  std::vector<float> features(bars.size() * plan->width());
  Engine(plan).compute(bars.columns(), features);
  std::vector<FeatureDrift> drifts(plan->width());
  for (std::size_t row = std::max(first, kFirstValid); row < end; ++row) {
    for (std::size_t f = 0; f < drifts.size(); ++f) {
      const float value = features[row * drifts.size() + f];
      FeatureDrift& drift = drifts[f];
      ++drift.rows;
      if (value < kEven.min) ++drift.below_min;
      if (value > kEven.max) ++drift.above_max;
      std::size_t bin = 0;
      while (bin < kEven.deciles.size() && value > kEven.deciles[bin]) ++bin;
      ++drift.bins[bin];
    }
  }
  return drifts;
}

void expect(const Session& session, const std::vector<FeatureDrift>& expected) {
  CHECK_EQUAL(session.drift().width(), expected.size());
  CHECK_EQUAL(session.drift().rows(), expected[0].rows);
  for (std::size_t f = 0; f < expected.size(); ++f) {
    const FeatureDrift found = session.drift().feature(f);
    CHECK_EQUAL(found.rows, expected[f].rows);
    CHECK_EQUAL(found.below_min, expected[f].below_min);
    CHECK_EQUAL(found.above_max, expected[f].above_max);
    CHECK(found.bins == expected[f].bins);
  }
}

TEST(live_bars_are_counted_and_nothing_else_is) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3);
  Session session(load_made({.seq_len = 5, .windows_cross_sessions = false}), kFeed);
  for (std::size_t row = 0; row < 60; ++row) {
    Bar bad = bars[row];
    bad.volume = -1;
    (void)session.on_bar(bad);
    (void)session.observe(bad);
    (void)session.peek(bars[row]);
    expect(session, counted(bars, 0, row));
    row % 3 == 0 ? (void)session.observe(bars[row]) : (void)session.on_bar(bars[row]);
    expect(session, counted(bars, 0, row + 1));
  }
  CHECK(session.drift().feature(1).above_max > 0);  // an EMA of prices near 100
  session.warm_up(bars.columns().slice(60, 20));
  expect(session, counted(bars, 0, 60));
  session.reset_drift();
  expect(session, counted(bars, 0, 0));
  for (std::size_t row = 80; row < 120; ++row) (void)session.on_bar(bars[row]);
  expect(session, counted(bars, 80, 120));
}

TEST(counters_are_saved_and_cloned_with_their_session) {
  const BarTable bars = make_bars(80, 20, 5 * kMinute, 3);
  const auto bundle = load_made({.seq_len = 3});
  Session session(bundle, kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    Session restored(bundle, kFeed), clone = session.clone();
    restored.restore(session.state());
    for (Session* other : {&restored, &clone}) {
      expect(*other, counted(bars, 0, row));
      (void)other->on_bar(bars[row]);
      expect(*other, counted(bars, 0, row + 1));
    }
    (void)session.on_bar(bars[row]);
    CHECK(restored.state() == session.state());
  }
}

TEST(another_bundles_drift_is_counted_anew) {
  const BarTable bars = make_bars(80, 20, 5 * kMinute, 3);
  const BundleOptions crossing{.seq_len = 3};
  BundleOptions with_native = crossing;
  with_native.native = true;  // other files, hence another id
  const auto first = load_made(crossing), second = load_made(with_native);
  Session session(first, kFeed), restored(second, kFeed), warmed(second, kFeed);
  for (std::size_t row = 0; row < 50; ++row) (void)session.on_bar(bars[row]);
  restored.restore(session.state());
  expect(restored, counted(bars, 0, 0));
  CHECK_EQUAL(restored.bars_seen(), 50);
  (void)session.swap(second);
  expect(session, counted(bars, 0, 0));
  (void)session.on_bar(bars[50]);
  expect(session, counted(bars, 50, 51));

  // A warmed session that takes over brings what it has counted beside the old one.
  warmed.warm_up(bars.columns().slice(0, 40));
  for (std::size_t row = 40; row < 51; ++row) (void)warmed.observe(bars[row]);
  (void)session.swap(std::move(warmed));
  expect(session, counted(bars, 40, 51));
  session.restore(second->engine_state());
  expect(session, counted(bars, 0, 0));
}

TEST(a_batch_counts_as_single_calls_do) {
  const BarTable bars = make_bars(60, 20, 5 * kMinute, 3), others = make_bars(60, 20, 5 * kMinute, 4);
  const auto bundle = load_made({.seq_len = 3});
  Session one(bundle, kFeed), two(bundle, kFeed);
  Session* sessions[] = {&one, &two};
  SessionBatch batch(bundle, 2);
  Outcome outcomes[2];
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const Bar now[] = {bars[row], others[row]};
    batch.on_bars(sessions, now, outcomes);
  }
  expect(one, counted(bars, 0, 60));
  expect(two, counted(others, 0, 60));
}

// The state with a counter replaced and a checksum that fits.
std::vector<std::byte> forged(std::vector<std::byte> state, std::size_t counter, std::uint64_t word) {
  const std::size_t offset =
      72 + 3 * 3 * 4 + 64 + 8 * counter;  // three rows of three features, a bundle's id
  for (std::size_t i = 0; i < 8; ++i) state[offset + i] = static_cast<std::byte>(word >> (8 * i));
  state.resize(state.size() - 32);
  for (const std::uint8_t byte : sha256(std::span<const std::byte>(state)))
    state.push_back(static_cast<std::byte>(byte));
  return state;
}

TEST(counters_that_no_session_saves_are_refused) {
  const BarTable bars = make_bars(40);
  Session session(load_made({.seq_len = 3}), kFeed);
  for (std::size_t row = 0; row < 30; ++row) (void)session.on_bar(bars[row]);
  const auto state = session.state();
  const auto above = static_cast<std::uint64_t>(session.drift().feature(1).above_max);
  constexpr std::size_t kAbove = 12 + 11;  // the second feature's last counter
  CHECK_EQUAL(above, 26u);
  CHECK(forged(state, kAbove, above) == state);
  CHECK_THROWS(bad_state, "out of its bounds", session.restore(forged(state, kAbove, ~std::uint64_t{0})));
  CHECK_THROWS(bad_state, "out of its bounds", session.restore(forged(state, kAbove, above + 1)));
  CHECK_THROWS(bad_state, "of one feature than", session.restore(forged(state, kAbove, above - 1)));
  CHECK_THROWS(bad_state, "out of its bounds", session.restore(forged(state, 0, 27)));
  CHECK_THROWS(bad_state, "out of its bounds", session.restore(forged(state, 0, std::uint64_t{1} << 62)));
  CHECK(session.state() == state);
}

}  // namespace
