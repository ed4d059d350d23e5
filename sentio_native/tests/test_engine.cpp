// The engine's promises that only C++ can see: the floating-point mode, copies, errors.
#include <algorithm>
#include <array>
#include <bit>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "check.hpp"
#include "every_op.hpp"
#include "made_bars.hpp"
#include "sentio/catalog.hpp"
#include "sentio/compute_many.hpp"
#include "sentio/engine.hpp"
#include "sentio/snapshot.hpp"
#include "state_archive.hpp"

namespace {

using namespace sentio;
using sentio::test::make_bars;
using sentio::test::plan_of_every_op;

std::shared_ptr<const Plan> some_plan() {
  static const auto plan = Plan::compile(R"({"schema_version": "1.0", "features": [
      {"name": "ema", "op": "EMA", "window": 12},
      {"name": "rsi", "op": "RSI", "window": 14},
      {"name": "ret", "op": "LOGRET", "window": 3},
      {"name": "roc", "op": "ROC", "window": 7}]})");
  return plan;
}

std::vector<float> in_one_call(const BarTable& bars, const std::shared_ptr<const Plan>& plan = some_plan()) {
  std::vector<float> out(bars.size() * plan->width());
  Engine(plan).compute(bars.columns(), out);
  return out;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

TEST(bar_by_bar_gives_the_bits_of_one_call) {
  const BarTable bars = make_bars(700);
  const auto expected = in_one_call(bars);
  Engine engine(some_plan());
  std::vector<float> row(some_plan()->width());
  for (std::size_t i = 0; i < bars.size(); ++i) {
    CHECK(engine.step(bars[i], row) == BarFault::none);
    CHECK(same_bits(row, std::span(expected).subspan(i * row.size(), row.size())));
  }
}

TEST(any_split_gives_the_bits_of_one_call) {
  const BarTable bars = make_bars(1000);
  const auto expected = in_one_call(bars);
  const std::size_t width = some_plan()->width();
  for (const std::size_t block : {2u, 7u, 255u, 256u, 257u, 999u}) {
    Engine engine(some_plan());
    std::vector<float> out(expected.size());
    for (std::size_t i = 0; i < bars.size(); i += block) {
      const std::size_t rows = std::min(block, bars.size() - i);
      engine.compute(bars.columns().slice(i, rows), std::span(out).subspan(i * width, rows * width));
    }
    CHECK(same_bits(out, expected));
  }
}

TEST(bars_alone_among_blocks_give_the_bits_and_the_state_of_one_call) {
  const BarTable bars = make_bars(1500);
  const auto plan = plan_of_every_op();
  const std::size_t width = plan->width();
  const auto expected = in_one_call(bars, plan);
  Engine whole(plan), mixed(plan);
  std::vector<float> out(expected.size());
  whole.compute(bars.columns(), out);
  std::fill(out.begin(), out.end(), 0.0F);
  bool taken = true;
  for (std::size_t i = 0, turn = 0; i < bars.size(); ++turn) {
    const std::array<std::size_t, 5> lengths{1, 3, 40, 1, 300};
    const std::size_t rows = std::min(lengths[turn % 5], bars.size() - i);
    const auto to = std::span(out).subspan(i * width, rows * width);
    if (turn % 2 == 0) {
      mixed.compute(bars.columns().slice(i, rows), to);
    } else {
      for (std::size_t k = 0; k < rows; ++k) {
        taken = taken && mixed.step(bars[i + k], to.subspan(k * width, width)) == BarFault::none;
      }
    }
    i += rows;
  }
  CHECK(taken);
  CHECK(same_bits(out, expected));
  CHECK(mixed.state() == whole.state());
}

TEST(a_bar_alone_holds_what_a_float_cannot_hold_at_the_largest_float) {
  const auto plan = Plan::compile(R"({"schema_version": "1.0", "features": [
      {"name": "square", "op": "MUL", "source": ["volume", "volume"]},
      {"name": "cube", "op": "MUL", "source": ["square", "volume"]}]})");
  Engine engine(plan);
  std::vector<float> row(2);
  CHECK(engine.step({1, 1.0, 1.0, 1.0, 1.0, 1e18}, row) == BarFault::none);
  CHECK_EQUAL(row[0], 1e36F);
  CHECK_EQUAL(row[1], std::numeric_limits<float>::max());
}

// While it lives: denormals are flushed to zero and taken for zero, and sums are rounded down.
class HostileMode {
 public:
#if defined(__x86_64__)
  HostileMode() { _mm_setcsr(before_ | kHostile); }
  ~HostileMode() { _mm_setcsr(before_); }
  [[nodiscard]] bool is_untouched() const {
    constexpr unsigned kFlags = 0x3F;  // which exceptions were ever raised: not a mode
    return (_mm_getcsr() | kFlags) == (before_ | kHostile | kFlags);
  }

 private:
  static constexpr unsigned kHostile = _MM_FLUSH_ZERO_ON | 0x0040u /* denormals are zero */ | _MM_ROUND_DOWN;
  unsigned before_ = _mm_getcsr();
#else
  HostileMode() { std::fesetround(FE_DOWNWARD); }
  ~HostileMode() { std::fesetround(FE_TONEAREST); }
  [[nodiscard]] bool is_untouched() const { return std::fegetround() == FE_DOWNWARD; }
#endif
};

// A market that goes flat lets averages of moves decay towards denormal numbers.
BarTable bars_that_fall_asleep() {
  BarTable bars = make_bars(400);
  for (std::size_t i = 200; i < bars.size(); ++i) {
    bars.open[i] = bars.high[i] = bars.low[i] = bars.close[i] = bars.close[199];
  }
  return bars;
}

TEST(the_callers_floating_point_mode_changes_no_bit_and_is_given_back) {
  const BarTable bars = bars_that_fall_asleep();
  const auto plan = plan_of_every_op();
  const std::size_t width = plan->width();
  std::vector<float> expected(bars.size() * width), batch(expected), stream(expected), peeked(expected);
  std::vector<float> many(expected), again(expected);
  Engine plain(plan);
  plain.compute(bars.columns(), expected);
  const auto state = plain.state();

  Engine whole(plan), engine(plan);
  std::string compiled;
  bool taken = true, untouched = true;
  {
    const HostileMode mode;
    compiled = plan_of_every_op()->canonical_json();
    untouched = untouched && mode.is_untouched();
    whole.compute(bars.columns(), batch);
    untouched = untouched && mode.is_untouched();
    for (std::size_t i = 0; i < bars.size(); ++i) {
      const auto row = [&](std::vector<float>& out) { return std::span(out).subspan(i * width, width); };
      if (i % 50 == 49) engine.restore(engine.state());
      taken = taken && engine.peek(bars[i], row(peeked)) == BarFault::none;
      untouched = untouched && mode.is_untouched();
      taken = taken && engine.step(bars[i], row(stream)) == BarFault::none;
      untouched = untouched && mode.is_untouched();
    }
    const std::vector<SymbolRun> runs = {{"A", bars.columns(), many}, {"B", bars.columns(), again}};
    compute_many(plan, runs, 2, [](std::size_t) {});
    untouched = untouched && mode.is_untouched();
  }
  CHECK(untouched);
  CHECK(taken);
  CHECK_EQUAL(compiled, plan->canonical_json());
  for (const auto* found : {&batch, &stream, &peeked, &many, &again}) CHECK(same_bits(*found, expected));
  CHECK(whole.state() == state);
  CHECK(engine.state() == state);
}

TEST(plans_and_engines_that_are_made_under_another_rounding_give_the_same_bits) {
  std::string features;
  for (int window = 3; window < 20; ++window) {  // quotients of many windows: some round up, some down
    for (const std::string op : {"EMA", "SMA", "ATR"}) {
      features += (features.empty() ? "" : ", ") + (R"({"op": ")" + op + R"(", "name": ")" + op) +
                  std::to_string(window) + R"(", "window": )" + std::to_string(window) + "}";
    }
  }
  const std::string spec = R"({"schema_version": "1.0", "dtype": "float64", "features": [)" + features + "]}";
  const BarTable bars = make_bars(100);
  const auto computed = [&] {
    const auto plan = Plan::compile(spec);
    std::vector<double> out(bars.size() * plan->width());
    Engine(plan).compute(bars.columns(), out);
    return out;
  };
  const auto expected = computed();
  std::fesetround(FE_UPWARD);
  const auto upward = computed();
  std::fesetround(FE_TONEAREST);
  CHECK(std::memcmp(upward.data(), expected.data(), expected.size() * sizeof(double)) == 0);
  const auto flushed = [&] {
    const HostileMode mode;
    return computed();
  }();
  CHECK(std::memcmp(flushed.data(), expected.data(), expected.size() * sizeof(double)) == 0);
}

TEST(a_snapshot_at_any_bar_changes_nothing) {
  const BarTable bars = make_bars(300);
  const auto expected = in_one_call(bars);
  const std::size_t width = some_plan()->width();
  std::vector<float> row(width);
  Engine running(some_plan());
  for (std::size_t i = 0; i < bars.size(); ++i) {
    Engine restored(some_plan());
    restored.restore(running.state());
    CHECK_EQUAL(restored.bars_seen(), static_cast<std::int64_t>(i));
    CHECK(restored.step(bars[i], row) == BarFault::none);
    CHECK(same_bits(row, std::span(expected).subspan(i * width, width)));
    CHECK(running.step(bars[i], row) == BarFault::none);
    CHECK(restored.state() == running.state());
  }
}

TEST(a_damaged_snapshot_is_refused_and_changes_nothing) {
  const BarTable bars = make_bars(100);
  Engine engine(some_plan());
  std::vector<float> out(bars.size() * some_plan()->width());
  engine.compute(bars.columns(), out);
  const auto state = engine.state();
  for (std::size_t i = 0; i < state.size(); ++i) {
    auto flipped = state;
    flipped[i] ^= std::byte{0x10};
    CHECK_THROWS(bad_state, "", engine.restore(flipped));
    CHECK_THROWS(bad_state, "", engine.restore(std::span(state).first(i)));
  }
  CHECK(engine.state() == state);
  const auto other =
      Plan::compile(R"({"schema_version": "1.0", "features": [{"name": "x", "op": "IDENT"}]})");
  CHECK_THROWS(bad_state, "another spec", Engine(other).restore(state));
}

TEST(saving_writes_nothing_to_what_it_saves) {
  // As seen by another thread that saves the same engine: no field is stored to, not even its own value.
  const std::uint64_t signalling = 0x7FF0000000000001;
  double value = std::bit_cast<double>(signalling);
  bool truth = true;
  std::int64_t number = -1;
  std::vector<std::byte> bytes;
  StateArchive archive(bytes);
  archive(value), archive(truth), archive(number);
  CHECK_EQUAL(bytes.size(), 24u);
  CHECK(std::bit_cast<std::uint64_t>(value) == signalling);
}

TEST(loading_takes_finite_numbers_and_truth_values_alone) {
  const auto word = [](std::uint64_t bits) {
    std::vector<std::byte> bytes;
    StateArchive archive(bytes);
    archive(bits);
    return bytes;
  };
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    const auto bytes = word(std::bit_cast<std::uint64_t>(bad));
    double value = 1.0;
    CHECK_THROWS(bad_state, "not finite", StateArchive{std::span<const std::byte>(bytes)}(value));
  }
  const auto two = word(2);
  bool truth = false;
  CHECK_THROWS(bad_state, "neither 0 nor 1", StateArchive{std::span<const std::byte>(two)}(truth));
}

TEST(a_copy_goes_its_own_way) {
  const BarTable bars = make_bars(200), others = make_bars(200, 78, 5 * sentio::test::kMinute, 8);
  const auto expected = in_one_call(bars);
  const std::size_t width = some_plan()->width();
  Engine engine(some_plan());
  std::vector<float> half(100 * width), row(width);
  engine.compute(bars.columns().slice(0, 100), half);
  Engine copy(engine);
  for (std::size_t i = 100; i < 200; ++i) CHECK(copy.step(others[i], row) == BarFault::none);
  std::vector<float> rest(100 * width);
  engine.compute(bars.columns().slice(100, 100), rest);
  CHECK(same_bits(rest, std::span(expected).subspan(100 * width)));
}

TEST(peeking_at_any_bar_is_a_copys_step_and_changes_nothing) {
  const auto plan = plan_of_every_op();
  const BarTable bars = make_bars(700, 60), others = make_bars(700, 60, 5 * sentio::test::kMinute, 8);
  std::vector<float> row(plan->width()), peeked(plan->width());
  Engine engine(plan);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    if (i < 300 || i % 7 == 0) {  // the defaults' windows are full by then
      const auto state = engine.state();
      for (Bar forming : {others[i], bars[i]}) {
        forming.ts = bars.ts[i];
        Engine copy(engine);
        CHECK(copy.step(forming, row) == BarFault::none);
        CHECK(engine.peek(forming, peeked) == BarFault::none);
        CHECK(same_bits(peeked, row));
        CHECK(engine.state() == state);
      }
    }
    CHECK(engine.step(bars[i], row) == BarFault::none);
  }
}

TEST(a_refused_bar_changes_nothing) {
  const BarTable bars = make_bars(50);
  Engine engine(some_plan());
  std::vector<float> out(bars.size() * some_plan()->width()), row(some_plan()->width());
  engine.compute(bars.columns(), out);
  const auto state = engine.state();
  const Bar last = bars[bars.size() - 1];
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [&](BarFault fault, auto&& change) {
    Bar bar = last;
    bar.ts += 1;
    change(bar);
    CHECK(engine.step(bar, row) == fault);
    CHECK(engine.peek(bar, row) == fault);
    CHECK(engine.state() == state);
    CHECK(!describe(fault).empty());
  };
  refused(BarFault::not_later, [](Bar& bar) { bar.ts -= 1; });
  refused(BarFault::price_range, [&](Bar& bar) { bar.close = nan; });
  refused(BarFault::price_range, [](Bar& bar) { bar.low = 0; });
  refused(BarFault::high_low, [](Bar& bar) { bar.high = bar.low / 2; });
  refused(BarFault::volume_range, [](Bar& bar) { bar.volume = -1; });
}

TEST(what_does_not_fit_is_refused) {
  const BarTable bars = make_bars(10);
  std::vector<float> small(3);
  std::vector<double> doubles(10 * some_plan()->width());
  CHECK_THROWS(bad_argument, "40", Engine(some_plan()).compute(bars.columns(), small));
  CHECK_THROWS(bad_argument, "float32", Engine(some_plan()).compute(bars.columns(), doubles));
}

TEST(every_error_code_has_words) {
  std::vector<std::string> seen;
  for (std::uint8_t code = 0; code <= static_cast<std::uint8_t>(ErrorCode::unsupported); ++code) {
    const std::string words(describe(static_cast<ErrorCode>(code)));
    CHECK(!words.empty());
    CHECK(words != "unknown error");
    CHECK(std::find(seen.begin(), seen.end(), words) == seen.end());
    seen.push_back(words);
  }
}

TEST(an_error_tells_all_its_problems) {
  try {
    (void)Plan::compile(R"({"schema_version": "1.0", "features": [
        {"name": "a", "op": "EMA", "window": 0}, {"name": "b", "op": "EMMA"}, {"name": "c", "op": "RSI", "widow": 3}]})");
  } catch (const Error& error) {
    CHECK_EQUAL(error.problems().size(), 3u);
    for (const Problem& problem : error.problems()) {
      CHECK(std::string(error.what()).find(problem.path + ": " + problem.message) != std::string::npos);
    }
    return;
  }
  CHECK(false);
}

TEST(every_op_of_the_catalog_is_found_by_its_name) {
  CHECK(!catalog().empty());
  for (const OpInfo& op : catalog()) CHECK(find_op(op.name) == &op);
  CHECK(find_op("NO_SUCH_OP") == nullptr);
}

TEST(many_symbols_give_the_bits_of_each_alone_and_name_those_that_fail) {
  std::vector<BarTable> bars;
  std::vector<std::vector<float>> out;
  for (std::uint64_t seed = 1; seed <= 9; ++seed) {
    bars.push_back(make_bars(100 * seed, 78, 60 * test::kMinute, seed));
    out.emplace_back(bars.back().size() * some_plan()->width(), 7.0f);
  }
  bars[3].high[5] = 0.0;
  out[6].pop_back();
  std::vector<SymbolRun> runs;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    runs.push_back({"S" + std::to_string(i), bars[i].columns(), std::span(out[i])});
  }
  std::size_t told = 0;
  try {
    compute_many(some_plan(), runs, 3, [&](std::size_t) { ++told; });
    CHECK(false);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::bad_bars);
    CHECK_EQUAL(error.problems().size(), 2u);
    CHECK_EQUAL(error.problems()[0].path, "S3");
    CHECK_EQUAL(error.problems()[1].path, "S6");
  }
  CHECK_EQUAL(told, runs.size());
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const bool failed = i == 3 || i == 6;
    CHECK(same_bits(out[i], failed ? std::vector<float>(out[i].size(), 7.0f) : in_one_call(bars[i])));
  }
  CHECK_THROWS(bad_argument, "threads is 0", compute_many(some_plan(), runs, 0, [](std::size_t) {}));
}

TEST(two_symbols_in_the_same_memory_are_refused_by_name) {
  const BarTable bars = make_bars(100, 78, 60 * test::kMinute, 1);
  const std::size_t size = bars.size() * some_plan()->width();
  std::vector<float> memory(3 * size, 7.0f), elsewhere(size);
  const auto run = [&](const std::string& symbol, std::size_t from) {
    return SymbolRun{symbol, bars.columns(), std::span(memory).subspan(from, size)};
  };
  const auto compute = [](std::vector<SymbolRun> runs) {
    compute_many(some_plan(), runs, 2, [](std::size_t) {});
  };
  const SymbolRun other{"E", bars.columns(), std::span(elsewhere)};
  CHECK_THROWS(bad_argument, "out of A and of B overlap", compute({run("A", 0), other, run("B", 0)}));
  CHECK_THROWS(bad_argument, "out of B and of A overlap",
               compute({run("A", 2 * size - 1), other, run("C", 0), run("B", size)}));
  CHECK(memory == std::vector<float>(memory.size(), 7.0f));
  const SymbolRun empty{"D", {}, std::span(memory).subspan(size / 2, 0)};
  compute({run("A", 2 * size), empty, run("C", 0), run("B", size)});  // side by side, and one of no bars
  const std::vector<float> expected = in_one_call(bars);
  for (std::size_t k = 0; k < 3; ++k) {
    const auto part = std::span(memory).subspan(k * size, size);
    CHECK(same_bits({part.begin(), part.end()}, expected));
  }
}

}  // namespace
