// What a session does beside taking bars: peeking, being saved, changing its model, and acting in a batch.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "check.hpp"
#include "made_bundle.hpp"
#include "sentio/session_batch.hpp"
#include "sentio/strategy_tfa.hpp"
#include "sha256.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const SessionOptions kFeed{.interval_ns = 5 * kMinute};
const BundleOptions kVariants[] = {
    {}, {.seq_len = 2}, {.seq_len = 9}, {.seq_len = 9, .windows_cross_sessions = false}};

void expect_same(const Outcome& found, const Outcome& expected) {
  CHECK(found.status == expected.status);
  CHECK_EQUAL(found.prediction.has_value(), expected.prediction.has_value());
  if (!found.prediction) return;
  CHECK(std::bit_cast<std::uint64_t>(found.prediction->value) ==
        std::bit_cast<std::uint64_t>(expected.prediction->value));
  const auto values = found.prediction->values.span(), expected_values = expected.prediction->values.span();
  CHECK(values.size() > 0 && std::ranges::equal(values, expected_values));
  CHECK_EQUAL(found.prediction->bar_ts, expected.prediction->bar_ts);
}

TEST(peeking_is_what_the_close_would_give_and_commits_nothing) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3), others = make_bars(120, 20, 5 * kMinute, 4);
  for (const BundleOptions& options : kVariants) {
    Session session(load_made(options), kFeed);
    int predicted = 0;
    for (std::size_t row = 0; row < bars.size(); ++row) {
      const auto state = session.state();
      const std::vector<float> features(session.features().begin(), session.features().end());
      for (Bar forming : {others[row], bars[row]}) {
        forming.ts = bars.ts[row];
        Session closed = session.clone();
        const Outcome expected = closed.on_bar(forming);
        expect_same(session.peek(forming), expected);
        if (expected.prediction) ++predicted;
        CHECK(session.state() == state);
        CHECK(std::memcmp(session.features().data(), features.data(), 4 * features.size()) == 0);
      }
      (void)session.on_bar(bars[row]);
    }
    CHECK(predicted > 100);
  }
}

TEST(a_saved_session_goes_on_at_once) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3);
  for (const BundleOptions& options : kVariants) {
    const auto bundle = load_made(options);
    Session session(bundle, kFeed);
    for (std::size_t row = 0; row < bars.size(); ++row) {
      const auto state = session.state();
      Session restored(bundle, kFeed);
      restored.restore(state);
      CHECK(restored.state() == state);
      CHECK_EQUAL(restored.bars_seen(), static_cast<std::int64_t>(row));
      const Outcome expected = session.on_bar(bars[row]);
      expect_same(restored.on_bar(bars[row]), expected);
      CHECK(restored.state() == session.state());
    }
  }
}

TEST(a_saved_session_is_refused_where_any_byte_of_it_is_another) {
  Session session(load_made({.seq_len = 3}), kFeed);
  session.warm_up(make_bars(40).columns());
  const auto state = session.state();
  for (std::size_t i = 0; i < state.size(); ++i) {
    auto flipped = state;
    flipped[i] ^= std::byte{0x10};
    CHECK_THROWS(bad_state, "", session.restore(flipped));
    CHECK_THROWS(bad_state, "", session.restore(std::span(state).first(i)));
  }
  CHECK(session.state() == state);
}

// The state with a word replaced and a checksum that fits.
std::vector<std::byte> forged(std::vector<std::byte> state, std::size_t offset, std::uint64_t word) {
  for (std::size_t i = 0; i < 8; ++i) state[offset + i] = static_cast<std::byte>(word >> (8 * i));
  state.resize(state.size() - 32);
  for (const std::uint8_t byte : sha256(std::span<const std::byte>(state)))
    state.push_back(static_cast<std::byte>(byte));
  return state;
}

TEST(a_forged_session_is_refused) {
  const auto bundle = load_made({.seq_len = 3});
  Session session(bundle, kFeed);
  session.warm_up(make_bars(40).columns());
  const auto state = session.state();
  CHECK(forged(state, 16, 3) == state);
  CHECK_THROWS(bad_state, "format version 2", session.restore(forged(state, 8, 2)));
  CHECK_THROWS(bad_state, "windows of 4 rows", session.restore(forged(state, 16, 4)));
  CHECK_THROWS(bad_state, "of 9 features", session.restore(forged(state, 24, 9)));
  CHECK_THROWS(bad_state, "within a session", session.restore(forged(state, 32, 0)));
  CHECK_THROWS(bad_state, "is of bars of 1m, this bundle's are of 5m",
               session.restore(forged(state, 40, kMinute)));
  CHECK_THROWS(bad_state, "truth value", session.restore(forged(state, 48, 2)));
  CHECK_THROWS(bad_state, "bounds", session.restore(forged(state, 56, ~std::uint64_t{0})));
  CHECK_THROWS(bad_state, "more rows", session.restore(forged(state, 64, 4)));
  CHECK_THROWS(bad_state, "more rows", session.restore(forged(state, 64, ~std::uint64_t{0})));
  CHECK_THROWS(bad_state, "SENTIOST", session.restore(forged(state, 64, 2)));  // rows are no snapshot
  CHECK_THROWS(bad_state, "not finite", session.restore(forged(state, 72, 0x7FC00000)));
  Session young(bundle, kFeed);
  young.warm_up(make_bars(5).columns());  // the first valid row is the fifth
  const auto one_row = young.state();
  CHECK_EQUAL(std::to_integer<int>(one_row[64]), 1);
  CHECK(session.state() == state);
}

TEST(a_session_of_another_window_is_refused) {
  Session longer(load_made({.seq_len = 4}), kFeed);
  Session shorter(load_made({.seq_len = 3}), kFeed);
  CHECK_THROWS(bad_state, "windows of 4 rows of 3 features", shorter.restore(longer.state()));
}

TEST(a_bundle_of_the_same_input_takes_over_between_two_bars) {
  const BarTable bars = make_bars(90, 20, 5 * kMinute, 3);
  const BundleOptions options{.seq_len = 5};
  const auto first = load_made(options), second = load_made(options);
  Session steady(first, kFeed), changed(first, kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    if (row == 50) CHECK(changed.swap(second) == first);
    expect_same(changed.on_bar(bars[row]), steady.on_bar(bars[row]));
    CHECK(&changed.bundle() == (row < 50 ? first : second).get());
  }
}

TEST(a_bundle_of_another_input_needs_a_warm_session) {
  const BarTable bars = make_bars(90, 20, 5 * kMinute, 3);
  const auto first = load_made({.seq_len = 5}), second = load_made({.seq_len = 2});
  Session session(first, kFeed), alone(second, kFeed), warm(second, kFeed);
  session.warm_up(bars.columns().slice(0, 60));
  const auto state = session.state();
  CHECK_THROWS(bad_argument, "sequence length", (void)session.swap(second));
  warm.warm_up(bars.columns().slice(0, 59));
  CHECK_THROWS(bad_argument, std::to_string(bars.ts[59]), (void)session.swap(std::move(warm)));
  CHECK(session.state() == state);
  (void)warm.on_bar(bars[59]);
  CHECK(session.swap(std::move(warm)) == first);
  CHECK(&session.bundle() == second.get());
  alone.warm_up(bars.columns().slice(0, 60));
  for (std::size_t row = 60; row < bars.size(); ++row)
    expect_same(session.on_bar(bars[row]), alone.on_bar(bars[row]));
}

TEST(what_is_not_there_is_refused) {
  const auto bundle = load_made({.seq_len = 5});
  CHECK_THROWS(bad_argument, "no bundle was given", Session(nullptr, kFeed));
  CHECK_THROWS(bad_argument, "no bundle was given", SessionBatch(nullptr, 1));
  CHECK_THROWS(bad_argument, "no bundle was given", TFAStrategy({.interval_ns = 5 * kMinute}, nullptr));
  const BarTable bars = make_bars(30);
  Session session(bundle, kFeed);
  session.warm_up(bars.columns());
  const auto state = session.state();
  CHECK_THROWS(bad_argument, "no bundle was given", (void)session.swap(std::shared_ptr<const Bundle>()));
  Session& itself = session;
  CHECK_THROWS(bad_argument, "goes on as another", (void)session.swap(std::move(itself)));
  Session gone(bundle, kFeed);
  const Session taken = std::move(gone);
  CHECK_THROWS(bad_argument, "was not moved from", (void)session.swap(std::move(gone)));
  CHECK(session.state() == state);
  CHECK(&session.bundle() == bundle.get());
}

// A sum that counts how often it is asked, and can be told to fail for windows that begin below 0.
class CountingModel final : public Model {
 public:
  CountingModel(const ModelShape& shape, bool exact, const std::string& kind)
      : sum_(shape, true, kind), shape_(shape.window), exact_(exact) {}
  void run(std::span<const float> windows, std::span<float> outputs) const override {
    ++calls;
    for (std::size_t k = 0; failing && k < windows.size() / shape_.size(); ++k) {
      if (windows[k * shape_.size()] < 0) throw Error(ErrorCode::bad_bundle, "below 0");
    }
    sum_.run(windows, outputs);
  }
  std::vector<Probe> probe() const override { return sum_.probe(); }
  ModelEnvironment environment() const override { return sum_.environment(); }
  bool is_batch_exact() const noexcept override { return exact_; }

  inline static int calls = 0;
  inline static bool failing = false;

 private:
  SumModel sum_;
  WindowShape shape_;
  bool exact_;
};

std::shared_ptr<const Bundle> load_counting(const BundleOptions& options, bool exact) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle(options));
  return Bundle::load(folder.path(), {.model_loader = [&](auto, const ModelShape& shape) {
                        return std::make_unique<const CountingModel>(shape, exact, options.kind);
                      }});
}

TEST(a_batch_gives_the_bits_of_single_calls_by_one_call_of_the_model) {
  constexpr std::size_t kSymbols = 5;
  std::vector<BarTable> bars;
  for (std::uint64_t seed = 1; seed <= kSymbols; ++seed) bars.push_back(make_bars(60, 20, 5 * kMinute, seed));
  for (const auto& [exact, kind] : {std::pair(true, "logit"), {false, "logit"}, {true, "classes"}}) {
    const auto bundle = load_counting({.seq_len = 3, .kind = kind}, exact), other = load_made({.seq_len = 2});
    std::vector<Session> single, batched;
    for (std::size_t k = 0; k < kSymbols; ++k) {
      single.emplace_back(k == 3 ? other : bundle, kFeed);
      batched.push_back(single.back().clone());
    }
    SessionBatch batch(bundle, kSymbols + 1);
    for (std::size_t row = 0; row < 60; ++row) {
      CountingModel::failing = row % 10 == 9;
      // Symbol 4 comes twice, the second time with a bar that is refused; symbol 2 misses its first ten bars.
      std::vector<std::size_t> order = {0, 1, 3, 4, 4};
      if (row >= 10) order.insert(order.begin() + 1, 2);
      std::vector<Session*> sessions;
      std::vector<Bar> now;
      for (const std::size_t k : order) sessions.push_back(&batched[k]), now.push_back(bars[k][row]);
      std::vector<Outcome> outcomes(order.size());
      CountingModel::calls = 0;
      batch.on_bars(sessions, now, outcomes);
      if (exact && row >= 20 && !CountingModel::failing) CHECK_EQUAL(CountingModel::calls, 1);
      if (!exact && row >= 20) CHECK_EQUAL(CountingModel::calls, 4);
      for (std::size_t place = 0; place < order.size(); ++place) {
        Session& alone = single[order[place]];
        expect_same(outcomes[place], alone.on_bar(now[place]));
        CHECK(sessions[place]->state() == alone.state());
      }
    }
    CountingModel::failing = false;
    std::vector<Outcome> one(1);
    const std::vector<Bar> two(2);
    Session* both[] = {&batched[0], &batched[1]};
    CHECK_THROWS(bad_argument, "2 bars and 1 outcomes", batch.on_bars(both, two, one));
  }
}

}  // namespace
