// What a strategy does beside taking bars: going on twice, and changing its model.
#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "made_bundle.hpp"
#include "sentio/strategy_tfa.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

constexpr std::int64_t kFeed = 5 * kMinute;

// A bundle whose manifest says something else than the others'.
template <class Change>
std::shared_ptr<const Bundle> load_changed(const BundleOptions& options, Change&& change) {
  Files files = make_bundle(options);
  Json manifest = Json::parse(files["metadata.json"]);
  change(manifest);
  files["metadata.json"] = manifest.dump();
  const TemporaryFolder folder;
  seal(folder.path(), files);
  return Bundle::load(folder.path(), sum_model(true, options.kind));
}

std::shared_ptr<const Bundle> load_classes(const std::vector<std::string>& names) {
  return load_changed({.kind = "classes"}, [&](Json& manifest) { manifest["output"]["classes"] = names; });
}

void expect_same(const Signal& found, const Signal& expected) {
  CHECK(found.status == expected.status);
  CHECK(found.side == expected.side);
  CHECK_EQUAL(found.strength, expected.strength);
  CHECK_EQUAL(found.prediction.has_value(), expected.prediction.has_value());
}

TEST(a_clone_goes_on_by_itself_and_records_nothing) {
  const TemporaryFolder folder;
  const BarTable bars = make_bars(120, 20, kFeed, 3);
  TFAStrategy strategy({.interval_ns = kFeed, .record = folder.path() / "record", .cooldown_bars = 3},
                       load_made({.seq_len = 4}));
  int resting = 0;
  for (std::size_t row = 0; row + 1 < bars.size(); ++row) {
    const auto state = strategy.state();
    const auto recorded = std::filesystem::file_size(folder.path() / "record");
    TFAStrategy clone = strategy.clone();
    CHECK(clone.state() == state);
    if (clone.cooldown_left() > 0) ++resting;
    const Signal found = clone.on_bar(bars[row]);
    (void)clone.on_bar(bars[row + 1]);
    CHECK(strategy.state() == state);
    CHECK_EQUAL(std::filesystem::file_size(folder.path() / "record"), recorded);
    CHECK(clone.config().record.empty());
    CHECK(&clone.session().bundle() == &strategy.session().bundle());
    expect_same(found, strategy.on_bar(bars[row]));
  }
  CHECK(resting > 10);
}

TEST(a_bundle_of_the_same_input_takes_over_and_the_cooldown_goes_on) {
  const BarTable bars = make_bars(90, 20, kFeed, 3);
  const auto first = load_made({.seq_len = 5}), second = load_made({.seq_len = 5, .kind = "probability"});
  const TFACfg cfg{.interval_ns = kFeed, .cooldown_bars = 6};
  TFAStrategy steady(cfg, first), changed(cfg, first);
  bool has_changed = false;
  int signals = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    if (!has_changed && row > 40 && changed.cooldown_left() > 2) {
      CHECK(changed.swap(second) == first);
      has_changed = true;
    }
    const Signal found = changed.on_bar(bars[row]), expected = steady.on_bar(bars[row]);
    CHECK(found.status == expected.status && found.side == expected.side);
    CHECK_EQUAL(changed.cooldown_left(), steady.cooldown_left());
    CHECK(&changed.session().bundle() == (has_changed ? second : first).get());
    if (has_changed && found.side != Side::flat) ++signals;
  }
  CHECK(signals > 2);
}

TEST(the_other_bundles_classes_are_found_at_their_own_places) {
  const BarTable bars = make_bars(300, 20, kFeed, 3);
  const auto first = load_classes({"down", "flat", "up"}), second = load_classes({"up", "flat", "down"});
  const TFACfg cfg{.interval_ns = kFeed, .buy_probability = 0.37, .sell_probability = 0.63};
  TFAStrategy steady(cfg, first), changed(cfg, first);
  CHECK(changed.swap(second) == first);
  int signals = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    // The same numbers under exchanged names.
    const Signal found = changed.on_bar(bars[row]), expected = steady.on_bar(bars[row]);
    CHECK_EQUAL(static_cast<int>(found.side), -static_cast<int>(expected.side));
    if (found.side != Side::flat) ++signals;
  }
  CHECK(signals > 20);
}

TEST(a_bundle_that_the_thresholds_are_not_for_is_refused_and_the_old_one_stays) {
  const BarTable bars = make_bars(60, 20, kFeed, 3);
  const auto label = [](const char* kind) {
    return load_changed({.kind = "return"}, [&](Json& manifest) { manifest["label"]["kind"] = kind; });
  };
  const auto rise = load_made(), classes = load_made({.kind = "classes"}), log_return = label("logret_fwd");
  const struct {
    std::shared_ptr<const Bundle> first, other;
    const char* words;
  } cases[] = {
      {rise, classes, "are for the probability of a rise; TFA v1 is judged by the classes up and down"},
      {rise, log_return, "is judged by the return logret_fwd"},
      {classes, rise, "are for the classes up and down"},
      {log_return, label("close_diff"),
       "are for the return logret_fwd; TFA v1 is judged by the return close"},
      {classes, load_classes({"stop", "flat", "up"}), "needs a class 'down'"},
      {rise, load_made({.seq_len = 2}), "sequence length"},
      {rise, nullptr, "no bundle was given"},
  };
  for (const auto& [first, other, words] : cases) {
    TFAStrategy strategy({.interval_ns = kFeed, .cooldown_bars = 2}, first);
    for (std::size_t row = 0; row < 40; ++row) (void)strategy.on_bar(bars[row]);
    const auto state = strategy.state();
    TFAStrategy expected = strategy.clone();
    CHECK_THROWS(bad_argument, words, (void)strategy.swap(other));
    CHECK(strategy.state() == state);
    CHECK(&strategy.session().bundle() == first.get());
    for (std::size_t row = 40; row < bars.size(); ++row)
      expect_same(strategy.on_bar(bars[row]), expected.on_bar(bars[row]));
  }
}

TEST(a_warm_strategy_brings_its_thresholds_and_the_cooldown_goes_on) {
  const TemporaryFolder folder;
  const BarTable bars = make_bars(300, 20, kFeed, 3);
  const auto first = load_made({.seq_len = 5}), second = load_made({.seq_len = 2, .kind = "classes"});
  const TFACfg other{
      .interval_ns = kFeed, .buy_probability = 0.37, .sell_probability = 0.63, .cooldown_bars = 2};
  TFAStrategy strategy({.interval_ns = kFeed, .record = folder.path() / "record", .cooldown_bars = 6}, first);
  TFAStrategy warmed(other, second), eager({.interval_ns = kFeed, .buy_probability = 0.37}, second);
  std::size_t row = 0;
  for (; row < 60 || strategy.cooldown_left() < 5; ++row) {
    (void)strategy.on_bar(bars[row]);
    if (row > 0) (void)warmed.on_bar(bars[row - 1]);  // one bar behind, and with a cooldown of its own
    (void)eager.observe(bars[row]);
  }
  const auto state = strategy.state(), warm_state = warmed.state();
  CHECK_THROWS(bad_argument, "last bar is another", (void)strategy.swap(std::move(warmed)));
  CHECK(strategy.state() == state && warmed.state() == warm_state);
  (void)warmed.on_bar(bars[row - 1]);
  std::int64_t rest = strategy.cooldown_left();
  CHECK(rest != warmed.cooldown_left());

  CHECK(strategy.swap(std::move(warmed)) == first);
  CHECK(&strategy.session().bundle() == second.get());
  CHECK_EQUAL(strategy.config().buy_probability, 0.37);
  CHECK_EQUAL(strategy.config().record.string(), (folder.path() / "record").string());
  int signals = 0;
  for (; row < bars.size(); ++row) {
    CHECK_EQUAL(strategy.cooldown_left(), rest);
    const double sum = eager.on_bar(bars[row]).prediction->values[2];
    const double up = std::exp(sum), down = std::exp(-sum), all = up + down + std::exp(0.05F);
    const Side side = rest > 0                               ? Side::flat
                      : up / all > 0.37 && up > down         ? Side::go_long
                      : down / all > 1.0 - 0.63 && down > up ? Side::go_short
                                                             : Side::flat;
    CHECK(strategy.on_bar(bars[row]).side == side);
    rest = side != Side::flat ? 2 : std::max<std::int64_t>(rest - 1, 0);
    if (side != Side::flat) ++signals;
  }
  CHECK(signals > 5);
  CHECK(!strategy.session().recording_error());
}

TEST(a_strategy_goes_on_as_another_one) {
  TFAStrategy strategy({.interval_ns = kFeed}, load_made()), other = strategy.clone();
  TFAStrategy& itself = strategy;
  CHECK_THROWS(bad_argument, "goes on as another", (void)strategy.swap(std::move(itself)));
  const TFAStrategy taken = std::move(other);
  CHECK_THROWS(bad_argument, "was not moved from", (void)strategy.swap(std::move(other)));
  CHECK(strategy.on_bar(make_bars(1)[0]).status == Status::warming_up);
}

}  // namespace
