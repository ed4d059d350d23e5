// A session predicts what batch features and the window rule give, whatever happens between the bars.
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <cmath>
#include <limits>
#include <set>

#include "check.hpp"
#include "made_bundle.hpp"
#include "sentio/session.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const SessionOptions kFeed{.interval_ns = 5 * kMinute};

std::vector<float> batch_features(const BarTable& bars) {
  const auto plan = Plan::compile(kSpec);
  std::vector<float> features(bars.size() * plan->width());
  Engine(plan).compute(bars.columns(), features);
  return features;
}

// What a session must say of each bar, from whole-history features and the rule of windows.
std::vector<std::optional<double>> expected_outputs(const BarTable& bars, const BundleOptions& options) {
  const auto features = batch_features(bars);
  const std::size_t width = features.size() / bars.size();
  const WindowRule rule(bars);
  std::vector<std::optional<double>> outputs(bars.size());
  for (std::size_t row = 0; row < bars.size(); ++row) {
    if (!rule.ends_window(static_cast<std::int64_t>(row), options)) continue;
    const std::size_t window = static_cast<std::size_t>(options.seq_len) * width;
    outputs[row] = SumModel::output(std::span(features).subspan((row + 1) * width - window, window));
  }
  return outputs;
}

void expect(Session& session, const BarTable& bars, std::size_t row,
            const std::vector<std::optional<double>>& expected) {
  const Outcome outcome = session.on_bar(bars[row]);
  CHECK(outcome.status == (expected[row] ? Status::predicted : Status::warming_up));
  CHECK_EQUAL(outcome.prediction.has_value(), expected[row].has_value());
  if (!expected[row]) return;
  CHECK_EQUAL(outcome.prediction->value, *expected[row]);
  CHECK_EQUAL(outcome.prediction->bar_ts, bars.ts[row]);
  CHECK_EQUAL(outcome.prediction->horizon, 2);
  CHECK_EQUAL(outcome.prediction->model_id, "TFA");
  CHECK_EQUAL(outcome.prediction->version, "v1");
  CHECK_EQUAL(outcome.prediction->bundle_id, session.bundle().id());
}

const BundleOptions kVariants[] = {
    {}, {.seq_len = 2}, {.seq_len = 9}, {.seq_len = 9, .windows_cross_sessions = false}};

TEST(every_bar_gives_the_output_of_its_window) {
  const BarTable bars = make_bars(200, 20, 5 * kMinute, 3);
  for (const BundleOptions& options : kVariants) {
    Session session(load_made(options), kFeed);
    const auto expected = expected_outputs(bars, options);
    for (std::size_t row = 0; row < bars.size(); ++row) expect(session, bars, row, expected);
  }
}

TEST(warming_up_is_the_same_as_having_been_there) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3);
  for (const BundleOptions& options : kVariants) {
    const auto bundle = load_made(options);
    const auto expected = expected_outputs(bars, options);
    for (const std::size_t known : {0u, 1u, 5u, 19u, 20u, 21u, 60u}) {
      Session session(bundle, kFeed);
      session.warm_up(bars.columns().slice(0, known));
      CHECK_EQUAL(session.bars_seen(), static_cast<std::int64_t>(known));
      for (std::size_t row = known; row < bars.size(); ++row) expect(session, bars, row, expected);
    }
  }
}

TEST(a_restored_engine_predicts_as_soon_as_the_window_is_full) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3);
  for (const BundleOptions& options : kVariants) {
    const auto bundle = load_made(options);
    const auto expected = expected_outputs(bars, options);
    Engine engine(bundle->plan());
    std::vector<float> features(50 * bundle->plan()->width());
    engine.compute(bars.columns().slice(0, 50), features);
    Session session(bundle, kFeed);
    session.restore(engine.state());
    for (std::size_t row = 50; row < bars.size(); ++row) {
      if (row < 50 + static_cast<std::size_t>(options.seq_len) - 1) {
        CHECK(session.on_bar(bars[row]).status == Status::warming_up);
      } else {
        expect(session, bars, row, expected);
      }
    }
    CHECK_THROWS(bad_state, "SENTIOST", session.restore({}));
  }
}

TEST(a_bundles_own_state_is_that_after_its_last_bar) {
  const auto bundle = load_made();
  const BarTable bars = make_bars(420, 30);  // those that made_bundle.hpp made it of
  Session session(bundle, kFeed);
  session.restore(bundle->engine_state());
  CHECK_EQUAL(session.bars_seen(), static_cast<std::int64_t>(kBarsBefore) + 420);
  CHECK(session.on_bar(bars[419]).status == Status::not_later);
}

TEST(a_refused_bar_changes_nothing) {
  const BarTable bars = make_bars(80, 20, 5 * kMinute, 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const BundleOptions options{.seq_len = 4, .windows_cross_sessions = false};
  const auto expected = expected_outputs(bars, options);
  Session session(load_made(options), kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    if (row > 0) {
      const Bar last = bars[row - 1];
      const auto state = session.state();
      const auto refused = [&](Status status, auto&& change) {
        Bar bar = last;
        bar.ts += 20 * 60 * kMinute;  // a night later, so that a window that was cleared would show
        change(bar);
        for (const Outcome& outcome :
             {session.on_bar(bar), session.peek(bar), Outcome{session.observe(bar)}}) {
          CHECK(outcome.status == status);
          CHECK(is_refusal(outcome.status));
          CHECK(!outcome.prediction);
        }
        CHECK(session.state() == state);
      };
      refused(Status::not_later, [&](Bar& bar) { bar.ts = last.ts; });
      refused(Status::not_later, [&](Bar& bar) { bar.ts = INT64_MIN; });
      refused(Status::too_early, [&](Bar& bar) { bar.ts = last.ts + 5 * kMinute - 1; });
      for (double Bar::* field : {&Bar::open, &Bar::high, &Bar::low, &Bar::close, &Bar::volume}) {
        refused(Status::not_a_number, [&](Bar& bar) { bar.*field = nan; });
      }
      refused(Status::price_range, [&](Bar& bar) { bar.close = -1; });
      refused(Status::price_range, [&](Bar& bar) { bar.high = std::numeric_limits<double>::infinity(); });
      refused(Status::high_low, [&](Bar& bar) { bar.low = bar.high * 2; });
      refused(Status::volume_range, [&](Bar& bar) { bar.volume = -1; });
    }
    expect(session, bars, row, expected);
  }
}

TEST(a_history_with_a_bad_bar_is_refused_whole) {
  BarTable bars = make_bars(60, 20, 5 * kMinute, 3);
  const auto expected = expected_outputs(bars, {});
  Session session(load_made(), kFeed);
  session.warm_up(bars.columns().slice(0, 10));
  BarTable broken = bars;
  broken.low[40] = -1;
  CHECK_THROWS(bad_bars, "bar 30", session.warm_up(broken.columns().slice(10, 50)));
  for (std::size_t row = 10; row < bars.size(); ++row) expect(session, bars, row, expected);
}

TEST(a_clone_goes_on_by_itself) {
  const BarTable bars = make_bars(90, 20, 5 * kMinute, 3), others = make_bars(90, 20, 5 * kMinute, 4);
  const BundleOptions options{.seq_len = 5};
  const auto expected = expected_outputs(bars, options);
  Session session(load_made(options), kFeed);
  session.warm_up(bars.columns().slice(0, 40));
  Session clone = session.clone();
  for (std::size_t row = 40; row < bars.size(); ++row) (void)session.on_bar(others[row]);
  for (std::size_t row = 40; row < bars.size(); ++row) expect(clone, bars, row, expected);
}

TEST(sessions_on_one_bundle_are_independent) {
  const BarTable bars = make_bars(60, 20, 5 * kMinute, 3), others = make_bars(60, 20, 5 * kMinute, 4);
  const auto bundle = load_made({.seq_len = 3});
  const auto expected = expected_outputs(bars, {.seq_len = 3}),
             expected_others = expected_outputs(others, {.seq_len = 3});
  Session one(bundle, kFeed), two(bundle, kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    expect(one, bars, row, expected);
    expect(two, others, row, expected_others);
  }
}

TEST(a_model_that_fails_costs_its_prediction_alone) {
  const BarTable bars = make_bars(60, 20, 5 * kMinute, 3);
  const auto expected = expected_outputs(bars, {});
  Session session(load_made(), kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    if (row % 10 != 9) {
      expect(session, bars, row, expected);
      continue;
    }
    SumModel::failing = row % 20 == 9;
    SumModel::scale = std::numeric_limits<float>::quiet_NaN();
    const Outcome outcome = session.on_bar(bars[row]);
    SumModel::failing = false;
    SumModel::scale = 1;
    CHECK(outcome.status == Status::model_failed);
    CHECK(!outcome.prediction);
    if (row == 9) CHECK_THROWS(bad_bundle, "told to fail", std::rethrow_exception(session.failure()));
    if (row == 19) CHECK(session.failure() == nullptr);  // it gave NaN, and said nothing
  }
}

TEST(what_is_no_probability_is_a_failed_model) {
  const BarTable bars = make_bars(40);
  Session session(load_made({.kind = "probability"}), kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const bool wrong = row >= 20 && row % 2 == 0;
    SumModel::scale = wrong ? row % 4 == 0 ? 3 : -1 : 1;
    const Outcome outcome = session.on_bar(bars[row]);
    SumModel::scale = 1;
    if (row >= 20) CHECK(outcome.status == (wrong ? Status::model_failed : Status::predicted));
    CHECK_EQUAL(outcome.prediction.has_value(), outcome.status == Status::predicted);
  }
}

TEST(another_interval_is_refused) {
  const auto bundle = load_made();
  const auto refuses = [&](std::int64_t interval_ns, const std::string& text) {
    CHECK_THROWS(bad_argument, "the feed's bars are of " + text + ", the bundle's are of 5m",
                 (Session(bundle, {.interval_ns = interval_ns})));
  };
  refuses(kMinute, "1m");
  refuses(90 * kMinute, "90m");
  refuses(4 * 60 * kMinute, "4h");
  refuses(24 * 60 * kMinute, "1d");
  refuses(15'000'000'000, "15s");
  refuses(1, "1 ns");
  CHECK_THROWS(bad_argument, "was not said: set interval_ns", (Session(bundle, {})));
  CHECK_EQUAL(Session(bundle, kFeed).bars_seen(), 0);
}

TEST(bars_that_are_missing_are_accepted_and_counted) {
  const BarTable all = make_bars(100, 25, 5 * kMinute, 3);  // of which none of a session's ends is left out
  BarTable some;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 7 != 3 || i % 25 == 0 || i % 25 == 24) some.push_back(all[i]);
  }
  const auto expected = expected_outputs(some, {});
  Session session(load_made(), kFeed);
  for (std::size_t row = 0; row < some.size(); ++row) expect(session, some, row, expected);
  CHECK(all.size() > some.size());
  CHECK_EQUAL(session.bars_missing().value(), static_cast<std::int64_t>(all.size() - some.size()));
}

TEST(a_gap_as_long_as_a_closed_market_counts_no_missing_bar) {
  const BarTable bars = make_bars(3, 1000);
  const auto missing_after = [&](std::int64_t gap) {
    Session session(load_made(), kFeed);
    Bar last = bars[1];
    last.ts = bars.ts[0] + gap;
    session.warm_up(bars.columns().slice(0, 1));
    (void)session.on_bar(last);
    return session.bars_missing().value();
  };
  CHECK_EQUAL(missing_after(5 * kMinute), 0);
  CHECK_EQUAL(missing_after(10 * kMinute - 1), 0);
  CHECK_EQUAL(missing_after(10 * kMinute), 1);
  CHECK_EQUAL(missing_after(240 * kMinute - 1), 46);  // 235 minutes are 47 steps
  CHECK_EQUAL(missing_after(240 * kMinute), 0);       // the spec's session gap, 4 hours
}

TEST(missing_bars_that_cannot_be_told_from_a_closed_market_are_not_called_none) {
  constexpr std::int64_t kHour = 60 * kMinute;
  const auto missing_after = [&](const char* interval, std::int64_t step, std::int64_t gap) {
    Files files = make_bundle();
    Json manifest = Json::parse(files["metadata.json"]);
    manifest["interval"] = interval;
    manifest["interval_ns"] = step;
    files["metadata.json"] = manifest.dump();
    const TemporaryFolder folder;
    seal(folder.path(), files);
    Session session(Bundle::load(folder.path(), sum_model()), {.interval_ns = step});
    Bar bar = make_bars(1)[0];
    for (const std::int64_t later : {std::int64_t{0}, step, gap}) {
      bar.ts += later;
      CHECK(!is_refusal(session.on_bar(bar).status));
    }
    return session.bars_missing();
  };
  // The session gap is 4 hours: an hour's bars are 2 h apart where one is missing, 3 h where two are.
  CHECK(missing_after("1h", kHour, kHour) == 0);
  CHECK(missing_after("1h", kHour, 2 * kHour) == 1);
  CHECK(missing_after("1h", kHour, 3 * kHour) == 2);
  CHECK(missing_after("1h", kHour, 4 * kHour) == 0);
  CHECK(missing_after("119m", 119 * kMinute, 238 * kMinute) == 1);
  for (const std::int64_t steps : {1, 2, 5}) {
    CHECK(!missing_after("2h", 2 * kHour, steps * 2 * kHour));
    CHECK(!missing_after("4h", 4 * kHour, steps * 4 * kHour));
    CHECK(!missing_after("1d", 24 * kHour, steps * 24 * kHour));
  }
}

#if defined(__x86_64__)
TEST(the_callers_floating_point_mode_changes_no_output_and_is_given_back) {
  const BarTable bars = make_bars(60, 20, 5 * kMinute, 3);
  const auto expected = expected_outputs(bars, {});
  Session session(load_made(), kFeed);
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const unsigned before = _mm_getcsr();
    const unsigned hostile = before | _MM_FLUSH_ZERO_ON | _MM_ROUND_UP;
    _mm_setcsr(hostile);
    const Outcome outcome = session.on_bar(bars[row]);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    CHECK_EQUAL(after | 0x3Fu, hostile | 0x3Fu);  // but for which exceptions were ever raised
    CHECK_EQUAL(outcome.prediction.has_value(), expected[row].has_value());
    if (expected[row]) CHECK_EQUAL(outcome.prediction->value, *expected[row]);
  }
}
#endif

TEST(a_prediction_of_classes_carries_them_all_and_their_softmax) {
  const BarTable bars = make_bars(60, 20);
  Session session(load_made({.seq_len = 2, .kind = "classes"}), kFeed);
  const auto expected = expected_outputs(bars, {.seq_len = 2});  // the sum, up's logit
  int predicted = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const Outcome outcome = session.on_bar(bars[row]);
    CHECK_EQUAL(outcome.prediction.has_value(), expected[row].has_value());
    if (!outcome.prediction) continue;
    const Prediction& prediction = *outcome.prediction;
    const double up = *expected[row], logits[] = {-up, double{0.05F}, up};
    const double powers[] = {std::exp(logits[0]), std::exp(logits[1]), std::exp(logits[2])};
    CHECK(prediction.kind == OutputKind::classes);
    CHECK(std::isnan(prediction.value));
    CHECK(!prediction.probability());
    CHECK_EQUAL(prediction.values.size(), 3u);
    CHECK_EQUAL(prediction.classes[2], "up");
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK_EQUAL(prediction.values[k], logits[k]);
      const double share = powers[k] / (powers[0] + powers[1] + powers[2]);
      CHECK(std::fabs(prediction.probabilities()[k] - share) < 1e-15);  // a few roundings
    }
    ++predicted;
  }
  CHECK(predicted > 50);
}

TEST(a_softmax_of_large_logits_is_still_one_in_all) {
  Prediction prediction{.kind = OutputKind::classes, .values = Outputs(std::vector{3e38F, -3e38F, 3e38F})};
  CHECK_EQUAL(prediction.probabilities()[0], 0.5);
  CHECK_EQUAL(prediction.probabilities()[1], 0.0);
  CHECK(Prediction{.kind = OutputKind::logit}.probabilities().empty());
}

TEST(a_probability_is_rounded_as_in_python_on_either_side_of_0) {
  int other = 0;
  for (int k = -4000; k <= 4000; ++k) {
    const double x = 0.005F * static_cast<float>(k);
    const double p = *Prediction({.value = x, .kind = OutputKind::logit}).probability();
    const double expected = x < 0 ? std::exp(x) / (1.0 + std::exp(x)) : 1.0 / (1.0 + std::exp(-x));
    CHECK_EQUAL(p, expected);
    other += p != 1.0 / (1.0 + std::exp(-x));  // what it is not, below 0
  }
  CHECK(other > 100);
}

TEST(a_logit_has_a_probability_and_a_return_has_none) {
  CHECK_EQUAL(*Prediction({.value = 0, .kind = OutputKind::logit}).probability(), 0.5);
  const double p = *Prediction({.value = 2, .kind = OutputKind::logit}).probability();
  CHECK(std::fabs(p - 0.8807970779778823) < 1e-15);  // 1 / (1 + e^-2), to an ulp of exp
  CHECK_EQUAL(*Prediction({.value = -1e4, .kind = OutputKind::logit}).probability(), 0.0);
  CHECK_EQUAL(*Prediction({.value = 0.75, .kind = OutputKind::probability}).probability(), 0.75);
  CHECK(!Prediction({.value = 2, .kind = OutputKind::forward_return}).probability());
}

TEST(every_status_has_words_of_its_own) {
  std::set<std::string_view> seen;
  for (std::uint8_t status = 0; status <= static_cast<std::uint8_t>(Status::volume_range); ++status) {
    const auto words = describe(static_cast<Status>(status));
    CHECK(!words.empty());
    CHECK(words != "unknown status");
    CHECK(seen.insert(words).second);
  }
}

}  // namespace
