// Engines saved, sessions of `native` over one bundle, and bundles loaded, all in threads: for
// ThreadSanitizer, and for the bits.
#include <barrier>
#include <thread>

#include "check.hpp"
#include "every_op.hpp"
#include "made_bundle.hpp"
#include "sentio/engine.hpp"
#include "sentio/session.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

constexpr std::size_t kThreads = 8, kBars = 1000;
const SessionOptions kFeed{.interval_ns = 5 * kMinute};

std::vector<double> outputs_of(Session& session, const BarTable& bars) {
  std::vector<double> outputs;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    if (i % 50 == 49) (void)session.peek(bars[i]);
    if (const Outcome outcome = session.on_bar(bars[i]); outcome.prediction)
      outputs.push_back(outcome.prediction->value);
    if (i % 100 == 99) session = session.clone();
  }
  return outputs;
}

// Runs `work(k)` for every thread, all at once.
template <class Work>
void in_threads(Work&& work) {
  std::barrier start(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::jthread> threads;
  for (std::size_t k = 0; k < kThreads; ++k) {
    threads.emplace_back([&, k] {
      start.arrive_and_wait();
      work(k);
    });
  }
}

TEST(threads_that_save_one_engine_at_once_all_get_its_state) {
  const auto plan = plan_of_every_op();
  const BarTable bars = make_bars(300);
  std::vector<float> row(plan->width());
  Engine alone(plan), engine(plan);
  std::vector<std::vector<std::byte>> expected;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    CHECK(alone.step(bars[i], row) == BarFault::none);
    expected.push_back(alone.state());
  }
  std::barrier turn(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::size_t> wrong(kThreads);
  in_threads([&](std::size_t k) {
    for (std::size_t i = 0; i < bars.size(); ++i) {
      if (k == 0 && engine.step(bars[i], row) != BarFault::none) ++wrong[k];
      turn.arrive_and_wait();
      if (engine.state() != expected[i]) ++wrong[k];
      turn.arrive_and_wait();
    }
  });
  for (std::size_t k = 0; k < kThreads; ++k) CHECK_EQUAL(wrong[k], 0u);
}

TEST(sessions_in_threads_over_one_bundle_give_the_bits_of_each_alone) {
  const auto bundle = load_made({.seq_len = 8, .native = true});
  std::vector<BarTable> bars;
  std::vector<std::vector<double>> expected, found(kThreads);
  for (std::size_t k = 0; k < kThreads; ++k) {
    bars.push_back(make_bars(kBars, 60, 5 * kMinute, k + 1));
    Session alone(bundle, kFeed);
    expected.push_back(outputs_of(alone, bars.back()));
    CHECK(expected.back().size() > kBars / 2);
  }
  in_threads([&](std::size_t k) {
    Session session(bundle, kFeed);
    found[k] = outputs_of(session, bars[k]);
  });
  for (std::size_t k = 0; k < kThreads; ++k) CHECK(found[k] == expected[k]);
}

TEST(bundles_are_loaded_in_threads) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle({.seq_len = 3, .native = true}));
  std::vector<std::string> ids(kThreads);
  in_threads([&](std::size_t k) {
    const auto bundle = Bundle::load(folder.path());
    Session session(bundle, kFeed);
    session.restore(bundle->engine_state());
    ids[k] = bundle->id();
  });
  for (const std::string& id : ids) {
    CHECK_EQUAL(id.size(), 64u);
    CHECK_EQUAL(id, ids.front());
  }
}

}  // namespace
