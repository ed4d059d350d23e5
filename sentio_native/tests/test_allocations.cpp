// After warm-up, neither the engine nor a session of `native` allocates, locks or logs.
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <shared_mutex>

#include "check.hpp"
#include "counted_calls.hpp"
#include "every_op.hpp"
#include "made_bundle.hpp"
#include "sentio/session_batch.hpp"
#include "sentio/strategy_tfa.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const SessionOptions kFeed{.interval_ns = 5 * kMinute};

// Runs `take` for bar after bar of a long feed, and returns the calls of the later ones.
template <class Take>
Calls calls_after(std::size_t warm, const BarTable& bars, Take&& take) {
  for (std::size_t i = 0; i < warm; ++i) take(bars[i]);
  const Calls before = calls_so_far();
  for (std::size_t i = warm; i < bars.size(); ++i) take(bars[i]);
  return calls_so_far() - before;
}

Calls calls_of(const std::function<void()>& action) {
  const Calls before = calls_so_far();
  action();
  return calls_so_far() - before;
}

TEST(each_way_to_allocate_is_counted) {
  void* volatile got = nullptr;  // so that no compiler leaves a call out
  const Calls one{.allocations = 1};
  CHECK_EQUAL(calls_of([&] { got = ::operator new(3); }), one);
  ::operator delete(got);
  const std::align_val_t line{64};
  CHECK_EQUAL(calls_of([&] { got = ::operator new(3, line); }), one);
  ::operator delete(got, line);
#ifndef SENTIO_SANITIZED
  CHECK_EQUAL(calls_of([&] { got = std::malloc(3); }), one);
  CHECK_EQUAL(calls_of([&] { got = std::realloc(got, 300); }), one);
  std::free(got);
  CHECK_EQUAL(calls_of([&] { got = std::calloc(3, 3); }), one);
  std::free(got);
  CHECK_EQUAL(calls_of([&] { got = std::aligned_alloc(64, 64); }), one);
  std::free(got);
  void* aligned = nullptr;
  CHECK_EQUAL(calls_of([&] { CHECK_EQUAL(::posix_memalign(&aligned, 64, 3), 0); }), one);
  CHECK_EQUAL(reinterpret_cast<std::uintptr_t>(aligned) % 64, 0u);
  std::free(aligned);
#endif
}

TEST(each_way_to_lock_is_counted) {
  const Calls one{.locks = 1};
  std::mutex mutex;
  CHECK_EQUAL(calls_of([&] { const std::lock_guard lock(mutex); }), one);
  CHECK_EQUAL(calls_of([&] { const std::unique_lock lock(mutex, std::try_to_lock); }), one);
  std::shared_mutex shared;
  CHECK_EQUAL(calls_of([&] { const std::lock_guard lock(shared); }), one);
  CHECK_EQUAL(calls_of([&] { const std::shared_lock lock(shared); }), one);
}

TEST(each_way_to_write_is_counted) {
  const Calls one{.writes = 1};
  std::ofstream stream("/dev/null");
  CHECK_EQUAL(calls_of([&] { stream << 'a' << std::flush; }), one);
  CHECK_EQUAL(calls_of([&] { std::cerr.write("", 0); }), one);
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/dev/null", "w"), &std::fclose);
  std::setbuf(file.get(), nullptr);
  CHECK_EQUAL(calls_of([&] { (void)std::fwrite("a", 1, 1, file.get()); }), one);
  CHECK_EQUAL(calls_of([&] { std::fputs("ab", file.get()); }), one);
  CHECK_EQUAL(calls_of([&] { std::fputc('a', file.get()); }), one);
  CHECK_EQUAL(calls_of([&] { std::putc('a', file.get()); }), one);
  CHECK_EQUAL(calls_of([&] { std::fprintf(file.get(), "%d", 3); }), one);
  CHECK_EQUAL(calls_of([&] { CHECK_EQUAL(::write(::fileno(file.get()), "a", 1), 1); }), one);
}

TEST(an_engine_of_every_op_calls_nothing_after_warming_up) {
  const auto plan = plan_of_every_op();
  const auto warm = static_cast<std::size_t>(plan->first_valid_row()) + 2;
  const BarTable bars = make_bars(warm + 2000, 60);
  Engine engine(plan);
  std::vector<float> row(plan->width());
  int refused = 0;
  const Calls calls = calls_after(warm, bars, [&](const Bar& bar) {
    Bar bad = bar;
    bad.low = -1;
    refused += engine.step(bad, row) != BarFault::none;
    refused += engine.peek(bar, row) != BarFault::none;
    refused += engine.step(bar, row) != BarFault::none;
  });
  CHECK_EQUAL(calls, Calls{});
  CHECK_EQUAL(refused, static_cast<int>(bars.size()));
}

TEST(a_step_allocates_nothing_from_the_first_bar_on) {
  const auto plan = plan_of_every_op();
  const auto warm = static_cast<std::size_t>(plan->first_valid_row()) + 2;
  const BarTable bars = make_bars(warm, 60);
  Engine engine(plan);
  std::vector<float> row(plan->width());
  CHECK_EQUAL(calls_after(0, bars, [&](const Bar& bar) { (void)engine.step(bar, row); }), Calls{});
}

TEST(on_bar_allocates_nothing_from_the_first_bar_on) {
  const auto bundle = load_made({.seq_len = 9, .native = true});
  Session session(bundle, kFeed);
  TFAStrategy strategy({.interval_ns = 5 * kMinute}, bundle);
  int warming = 0, predicted = 0;
  CHECK_EQUAL(calls_after(0, make_bars(60, 60),
                          [&](const Bar& bar) {
                            warming += session.on_bar(bar).status == Status::warming_up;
                            predicted += strategy.on_bar(bar).prediction.has_value();
                          }),
              Calls{});
  CHECK(warming > 5 && predicted > 20);
}

TEST(a_session_calls_nothing_but_its_records_write_after_warming_up) {
  const BarTable bars = make_bars(5000, 60);
  const TemporaryFolder folder;
  Session session(load_made({.seq_len = 9, .windows_cross_sessions = false, .native = true}),
                  {.interval_ns = 5 * kMinute, .record = folder.path() / "live.record"});
  int predicted = 0, refused = 0, moved = 0;
  const Calls calls = calls_after(200, bars, [&](const Bar& bar) {
    Bar bad = bar;
    bad.close = std::nan("");
    refused += is_refusal(session.on_bar(bad).status);
    (void)session.peek(bar);
    predicted += session.on_bar(bar).prediction.has_value();
    moved += session.drift().feature(1).psi > 0.25;
  });
  CHECK_EQUAL(calls, Calls{.writes = 4800});  // of the record: one a bar that was taken
  CHECK(predicted > 4000);
  CHECK(moved > 4000);  // an EMA of prices near 100, of which the made ranges know nothing
  CHECK_EQUAL(refused, 5000);
}

TEST(a_session_of_classes_calls_nothing_but_its_records_write_after_warming_up) {
  const BarTable bars = make_bars(3000, 60);
  const TemporaryFolder folder;
  const auto bundle = load_made({.kind = "classes", .native = true});
  Session session(bundle, {.interval_ns = 5 * kMinute, .record = folder.path() / "live.record"});
  TFAStrategy strategy({.interval_ns = 5 * kMinute, .buy_probability = 0.37, .sell_probability = 0.63},
                       bundle);
  int signals = 0;
  double sum = 0;
  const Calls calls = calls_after(200, bars, [&](const Bar& bar) {
    const Outcome outcome = session.on_bar(bar);
    if (outcome.prediction) sum += outcome.prediction->probabilities()[2];
    signals += strategy.on_bar(bar).side != Side::flat;
  });
  CHECK_EQUAL(calls, Calls{.writes = 2800});
  CHECK(sum > 100 && signals > 100);
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class RefusedAllocation {
 public:
  explicit RefusedAllocation(std::int64_t number) { refused_allocation = number; }
  ~RefusedAllocation() { refused_allocation = 0; }
  RefusedAllocation(const RefusedAllocation&) = delete;
  RefusedAllocation& operator=(const RefusedAllocation&) = delete;
};

// Runs `action` again and again, the k-th time with its k-th allocation refused, until it has all that it
// asks for. `before` makes what it acts on, `check` looks at what is left of that where it failed. Returns
// how often it did.
template <class Before, class Action, class Verify>
int refuse_each_allocation(Before&& before, Action&& action, Verify&& check) {
  for (int failed = 0;; ++failed) {
    auto subject = before();
    bool refused = false;
    try {
      const RefusedAllocation refusal(allocations + failed + 1);
      action(*subject);
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    if (!refused) return failed;
    check(*subject);
  }
}

TEST(a_session_that_gets_no_memory_is_as_it_was_and_so_is_its_record) {
  const BarTable bars = make_bars(40, 20);
  const auto bundle = load_made({.seq_len = 3}), classes = load_made({.seq_len = 3, .kind = "classes"}),
             longer = load_made({.seq_len = 5, .kind = "classes"});
  Session later(bundle, kFeed);
  later.warm_up(bars.columns().slice(0, 35));
  const auto saved = later.state();
  const std::vector<std::byte> snapshot(bundle->engine_state().begin(), bundle->engine_state().end());

  struct Subject {
    TemporaryFolder folder;
    std::filesystem::path file = folder.path() / "live.record";
    Session session, warmed;
    std::vector<std::byte> state, warmed_state;
    std::string record;

    Subject(const std::shared_ptr<const Bundle>& own, const std::shared_ptr<const Bundle>& other,
            const BarColumns& history)
        : session(own, {.interval_ns = 5 * kMinute, .record = file}), warmed(other, kFeed) {
      session.warm_up(history);
      warmed.warm_up(history);
      state = session.state();
      warmed_state = warmed.state();
      record = read_file(file);
    }
  };
  const auto make = [&] { return std::make_unique<Subject>(bundle, longer, bars.columns().slice(0, 30)); };
  const auto unchanged = [&](Subject& subject) {
    CHECK(subject.session.state() == subject.state);
    CHECK(&subject.session.bundle() == bundle.get());
    CHECK(subject.warmed.state() == subject.warmed_state);
    CHECK(read_file(subject.file) == subject.record);
    CHECK(!subject.session.recording_error());
    CHECK(subject.session.on_bar(bars[30]).prediction.has_value());
    CHECK_EQUAL(read_file(subject.file).size(), subject.record.size() + 12 + 60 + 4 * 3 + 4);
  };
  const std::function<void(Subject&)> changes[] = {
      [&](Subject& subject) { subject.session.warm_up(bars.columns().slice(30, 5)); },
      [&](Subject& subject) { (void)subject.session.swap(classes); },
      [&](Subject& subject) { (void)subject.session.swap(std::move(subject.warmed)); },
      [&](Subject& subject) { subject.session.restore(saved); },
      [&](Subject& subject) { subject.session.restore(snapshot); },
      [&](Subject& subject) { subject.session.reset_drift(); },
  };
  for (const auto& change : changes) CHECK(refuse_each_allocation(make, change, unchanged) > 5);
}

TEST(a_peek_that_gets_no_memory_says_so_and_changes_nothing) {
  const BarTable bars = make_bars(40, 20);
  const auto bundle = load_made({.native = true});
  Session steady(bundle, kFeed);
  steady.warm_up(bars.columns().slice(0, 30));
  const Outcome expected = steady.clone().on_bar(bars[30]);
  const auto state = steady.state();
  int failed = 0, told = 0;
  for (;; ++failed) {
    Session session = steady.clone();
    Outcome outcome;
    {
      const RefusedAllocation refusal(allocations + failed + 1);
      outcome = session.peek(bars[30]);
    }
    CHECK(session.state() == state);
    if (outcome.status == Status::predicted) break;
    CHECK(outcome.status == Status::model_failed);
    try {
      std::rethrow_exception(session.failure());
    } catch (const std::bad_alloc&) {
      ++told;
    }
    CHECK_EQUAL(session.peek(bars[30]).prediction->value, expected.prediction->value);
    CHECK_EQUAL(session.on_bar(bars[30]).prediction->value, expected.prediction->value);
  }
  CHECK(failed > 0);
  CHECK_EQUAL(told, failed);
}

TEST(a_session_that_gets_no_memory_to_begin_with_makes_no_record) {
  const auto bundle = load_made();
  const int failed = refuse_each_allocation(
      [] { return std::make_unique<TemporaryFolder>(); },
      [&](const TemporaryFolder& folder) {
        Session(bundle, {.interval_ns = 5 * kMinute, .record = folder.path() / "live.record"});
      },
      [](const TemporaryFolder& folder) { CHECK(std::filesystem::is_empty(folder.path())); });
  CHECK(failed > 5);
}

TEST(a_strategy_and_a_batch_call_nothing_after_warming_up) {
  const auto bundle = load_made({.seq_len = 4, .native = true});
  const BarTable bars = make_bars(3000, 60);
  TFAStrategy strategy({.interval_ns = 5 * kMinute, .cooldown_bars = 2}, bundle);
  Session one(bundle, kFeed), two(bundle, kFeed);
  Session* sessions[] = {&one, &two};
  SessionBatch batch(bundle, 2);
  Outcome outcomes[2];
  int signals = 0;
  const Calls calls = calls_after(200, bars, [&](const Bar& bar) {
    const Bar both[] = {bar, bar};
    batch.on_bars(sessions, both, outcomes);
    (void)strategy.peek(bar);
    signals += strategy.on_bar(bar).side != Side::flat;
  });
  CHECK_EQUAL(calls, Calls{});
  CHECK(signals > 100);
  CHECK(outcomes[1].prediction.has_value());
}

}  // namespace
