// After warm-up, neither the engine nor a session allocates.
#include "check.hpp"
#include "counted_new.hpp"
#include "every_op.hpp"
#include "made_bundle.hpp"
#include "sentio/session_batch.hpp"
#include "sentio/strategy_tfa.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const SessionOptions kFeed{.interval_ns = 5 * kMinute};

// Runs `take` for bar after bar of a long feed, and returns how often the later ones allocated.
template <class Take>
std::int64_t allocations_after(std::size_t warm, const BarTable& bars, Take&& take) {
  for (std::size_t i = 0; i < warm; ++i) take(bars[i]);
  const std::int64_t before = allocations;
  for (std::size_t i = warm; i < bars.size(); ++i) take(bars[i]);
  return allocations - before;
}

TEST(the_count_counts) {
  const std::int64_t before = allocations;
  const std::vector<float> some(3);
  CHECK_EQUAL(allocations - before, 1);
  CHECK_EQUAL(some.size(), 3u);
}

TEST(an_engine_of_every_op_allocates_nothing_after_warming_up) {
  const auto plan = plan_of_every_op();
  const auto warm = static_cast<std::size_t>(plan->first_valid_row()) + 2;
  const BarTable bars = make_bars(warm + 2000, 60);
  Engine engine(plan);
  std::vector<float> row(plan->width());
  int refused = 0;
  const auto count = allocations_after(warm, bars, [&](const Bar& bar) {
    Bar bad = bar;
    bad.low = -1;
    refused += engine.step(bad, row) != BarFault::none;
    refused += engine.peek(bar, row) != BarFault::none;
    refused += engine.step(bar, row) != BarFault::none;
  });
  CHECK_EQUAL(count, 0);
  CHECK_EQUAL(refused, static_cast<int>(bars.size()));
}

TEST(a_session_allocates_nothing_after_warming_up) {
  const BarTable bars = make_bars(5000, 60);
  const TemporaryFolder folder;
  Session session(load_made({.seq_len = 9, .windows_cross_sessions = false}),
                  {.interval_ns = 5 * kMinute, .record = folder.path() / "live.record"});
  int predicted = 0, refused = 0, moved = 0;
  const auto count = allocations_after(200, bars, [&](const Bar& bar) {
    Bar bad = bar;
    bad.close = std::nan("");
    refused += is_refusal(session.on_bar(bad).status);
    (void)session.peek(bar);
    predicted += session.on_bar(bar).prediction.has_value();
    moved += session.drift().feature(1).psi > 0.25;
  });
  CHECK_EQUAL(count, 0);
  CHECK(predicted > 4000);
  CHECK(moved > 4000);  // an EMA of prices near 100, of which the made ranges know nothing
  CHECK_EQUAL(refused, 5000);
}

TEST(a_session_of_classes_allocates_nothing_after_warming_up) {
  const BarTable bars = make_bars(3000, 60);
  const TemporaryFolder folder;
  const auto bundle = load_made({.kind = "classes"});
  Session session(bundle, {.interval_ns = 5 * kMinute, .record = folder.path() / "live.record"});
  TFAStrategy strategy({.interval_ns = 5 * kMinute, .buy_probability = 0.37, .sell_probability = 0.63},
                       bundle);
  int signals = 0;
  double sum = 0;
  const auto count = allocations_after(200, bars, [&](const Bar& bar) {
    const Outcome outcome = session.on_bar(bar);
    if (outcome.prediction) sum += outcome.prediction->probabilities()[2];
    signals += strategy.on_bar(bar).side != Side::flat;
  });
  CHECK_EQUAL(count, 0);
  CHECK(sum > 100 && signals > 100);
}

TEST(a_strategy_and_a_batch_allocate_nothing_after_warming_up) {
  const auto bundle = load_made({.seq_len = 4});
  const BarTable bars = make_bars(3000, 60);
  TFAStrategy strategy({.interval_ns = 5 * kMinute, .cooldown_bars = 2}, bundle);
  Session one(bundle, kFeed), two(bundle, kFeed);
  Session* sessions[] = {&one, &two};
  SessionBatch batch(bundle, 2);
  Outcome outcomes[2];
  int signals = 0;
  const auto count = allocations_after(200, bars, [&](const Bar& bar) {
    const Bar both[] = {bar, bar};
    batch.on_bars(sessions, both, outcomes);
    (void)strategy.peek(bar);
    signals += strategy.on_bar(bar).side != Side::flat;
  });
  CHECK_EQUAL(count, 0);
  CHECK(signals > 100);
  CHECK(outcomes[1].prediction.has_value());
}

}  // namespace
