// Signals follow from predictions and the configuration, and from nothing else.
#include <algorithm>
#include <cmath>

#include "check.hpp"
#include "made_bundle.hpp"
#include "sentio/strategy_tfa.hpp"
#include "sha256.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

TFACfg with_feed(TFACfg cfg) {
  cfg.interval_ns = 5 * kMinute;
  return cfg;
}

std::vector<Signal> run(const TFACfg& cfg, const BundleOptions& options, const BarTable& bars) {
  TFAStrategy strategy(with_feed(cfg), load_made(options));
  std::vector<Signal> signals;
  for (std::size_t row = 0; row < bars.size(); ++row) signals.push_back(strategy.on_bar(bars[row]));
  return signals;
}

TEST(a_probability_beyond_a_threshold_is_a_signal) {
  const TFACfg cfg{.buy_probability = 0.51, .sell_probability = 0.48};
  int longs = 0, shorts = 0, flats = 0;
  for (const Signal& signal : run(cfg, {}, make_bars(300))) {
    if (!signal.prediction) {
      CHECK(signal.side == Side::flat);
      continue;
    }
    const double x = signal.prediction->value;
    const double p = x < 0 ? std::exp(x) / (1.0 + std::exp(x)) : 1.0 / (1.0 + std::exp(-x));
    const Side expected = p > 0.51 ? Side::go_long : p < 0.48 ? Side::go_short : Side::flat;
    CHECK(signal.side == expected);
    CHECK_EQUAL(signal.strength, std::fabs(2.0 * p - 1.0));
    ++(expected == Side::go_long ? longs : expected == Side::go_short ? shorts : flats);
  }
  CHECK(longs > 10 && shorts > 10 && flats > 10);
}

TEST(a_probability_that_the_model_gives_itself_is_compared_as_it_is) {
  const TFACfg cfg{.buy_probability = 0.51, .sell_probability = 0.48};
  const BarTable bars = make_bars(300);
  const auto expected = run(cfg, {}, bars), found = run(cfg, {.kind = "probability"}, bars);
  int signals = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    CHECK(found[row].side == expected[row].side);
    CHECK_EQUAL(found[row].prediction.has_value(), expected[row].prediction.has_value());
    if (!found[row].prediction) continue;
    const double p = found[row].prediction->value;  // rounded to a float
    CHECK(std::fabs(p - *expected[row].prediction->probability()) < 1e-7);
    CHECK_EQUAL(found[row].strength, std::fabs(2.0 * p - 1.0));
    if (found[row].side != Side::flat) ++signals;
  }
  CHECK(signals > 20);
}

TEST(classes_are_judged_by_up_and_down) {
  const TFACfg cfg{.buy_probability = 0.37, .sell_probability = 0.64};
  int longs = 0, shorts = 0, flats = 0;
  for (const Signal& signal : run(cfg, {.kind = "classes"}, make_bars(300))) {
    if (!signal.prediction) continue;
    const double up = std::exp(signal.prediction->values[2]), flat = std::exp(signal.prediction->values[1]),
                 down = std::exp(signal.prediction->values[0]), all = up + flat + down;
    const Side expected = up / all > 0.37 && up > down           ? Side::go_long
                          : down / all > 1.0 - 0.64 && down > up ? Side::go_short
                                                                 : Side::flat;
    CHECK(signal.side == expected);
    CHECK(std::fabs(signal.strength - std::fabs(up - down) / all) < 1e-15);
    ++(expected == Side::go_long ? longs : expected == Side::go_short ? shorts : flats);
  }
  CHECK(longs > 10 && shorts > 10 && flats > 10);
}

TEST(where_both_up_and_down_are_likely_enough_the_likelier_is_the_side) {
  const TFACfg cfg{.buy_probability = 0.1, .sell_probability = 0.9};
  for (const Signal& signal : run(cfg, {.kind = "classes"}, make_bars(100))) {
    if (!signal.prediction) continue;
    const double up = signal.prediction->values[2];
    CHECK(signal.side == (up > 0 ? Side::go_long : up < 0 ? Side::go_short : Side::flat));
  }
}

TEST(classes_without_up_and_down_are_refused) {
  Files files = make_bundle({.kind = "classes"});
  Json manifest = Json::parse(files["metadata.json"]);
  manifest["output"]["classes"] = {"stop", "flat", "up"};
  files["metadata.json"] = manifest.dump();
  const TemporaryFolder folder;
  seal(folder.path(), files);
  const auto bundle = Bundle::load(folder.path(), sum_model(true, "classes"));
  CHECK_THROWS(bad_argument, "needs a class 'down'; TFA v1 has stop, flat, up",
               TFAStrategy({.interval_ns = 5 * kMinute}, bundle));
}

TEST(a_return_is_compared_with_returns) {
  const TFACfg cfg{.buy_return = 0.1, .sell_return = -0.05};
  for (const Signal& signal : run(cfg, {.kind = "return"}, make_bars(200))) {
    if (!signal.prediction) continue;
    const double value = signal.prediction->value;
    CHECK(signal.side == (value > 0.1 ? Side::go_long : value < -0.05 ? Side::go_short : Side::flat));
    CHECK_EQUAL(signal.strength, std::fabs(value));
  }
}

TEST(a_weak_signal_is_flat) {
  const TFACfg cfg{.confidence_floor = 0.06};
  int kept = 0, dropped = 0;
  for (const Signal& signal : run(cfg, {}, make_bars(200))) {
    if (signal.strength < 0.06) CHECK(signal.side == Side::flat);
    if (signal.strength < 0.06 && signal.strength > 0.04) ++dropped;
    if (signal.side != Side::flat) ++kept;
  }
  CHECK(kept > 10 && dropped > 1);
}

TEST(after_a_signal_the_cooldown_rests) {
  const BarTable bars = make_bars(200);
  const auto eager = run({}, {}, bars);
  const auto rested = run({.cooldown_bars = 3}, {}, bars);
  int rest = 0, signals = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    CHECK(rested[row].side == (rest > 0 ? Side::flat : eager[row].side));
    rest = rested[row].side != Side::flat ? 3 : std::max(rest - 1, 0);
    if (rested[row].side != Side::flat) ++signals;
  }
  CHECK(signals > 10);
}

TEST(a_refused_bar_does_not_count_for_the_cooldown) {
  const BarTable bars = make_bars(100);
  const auto expected = run({.cooldown_bars = 2}, {}, bars);
  TFAStrategy strategy(with_feed({.cooldown_bars = 2}), load_made());
  for (std::size_t row = 0; row < bars.size(); ++row) {
    Bar bad = bars[row];
    bad.volume = -1;
    CHECK(is_refusal(strategy.on_bar(bad).status));
    CHECK(strategy.on_bar(bars[row]).side == expected[row].side);
  }
}

void expect_same(const Signal& found, const Signal& expected) {
  CHECK(found.status == expected.status);
  CHECK(found.side == expected.side);
  CHECK_EQUAL(found.strength, expected.strength);
  CHECK_EQUAL(found.prediction.has_value(), expected.prediction.has_value());
  if (found.prediction) CHECK_EQUAL(found.prediction->value, expected.prediction->value);
}

TEST(a_restored_strategy_goes_on_as_one_that_never_stopped) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3);
  const TFACfg cfg = with_feed({.cooldown_bars = 3});
  const auto bundle = load_made({.seq_len = 4, .windows_cross_sessions = false});
  TFAStrategy strategy(cfg, bundle);
  int resting = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const auto state = strategy.state();
    TFAStrategy restored(cfg, bundle);
    restored.restore(state);
    CHECK(restored.state() == state);
    CHECK_EQUAL(restored.cooldown_left(), strategy.cooldown_left());
    if (strategy.cooldown_left() > 0) ++resting;
    expect_same(restored.on_bar(bars[row]), strategy.on_bar(bars[row]));
    CHECK(restored.state() == strategy.state());
  }
  CHECK(resting > 10);
}

TEST(a_strategys_state_is_its_cooldown_and_its_session) {
  const BarTable bars = make_bars(60, 20, 5 * kMinute, 3);
  const TFACfg cfg = with_feed({.cooldown_bars = 5});
  const auto bundle = load_made();
  TFAStrategy strategy(cfg, bundle), other(cfg, bundle);
  std::size_t row = 0;
  while (strategy.cooldown_left() == 0) (void)strategy.on_bar(bars[row++]);
  const auto state = strategy.state(), session = strategy.session().state();
  CHECK_EQUAL(std::to_integer<int>(state[16]), 5);
  CHECK(std::equal(session.begin(), session.end(), state.begin() + 24));
  for (std::size_t i = 0; i < state.size(); ++i) {
    auto flipped = state;
    flipped[i] ^= std::byte{0x10};
    CHECK_THROWS(bad_state, "", other.restore(flipped));
    CHECK_THROWS(bad_state, "", other.restore(std::span(state).first(i)));
  }
  CHECK_EQUAL(other.session().bars_seen(), 0);
  const auto forged = [&](std::size_t offset, std::uint64_t word) {
    auto bytes = state;
    for (std::size_t i = 0; i < 8; ++i) bytes[offset + i] = static_cast<std::byte>(word >> (8 * i));
    bytes.resize(bytes.size() - 32);
    for (const std::uint8_t byte : sha256(std::span<const std::byte>(bytes)))
      bytes.push_back(static_cast<std::byte>(byte));
    return bytes;
  };
  CHECK(forged(16, 5) == state);
  CHECK_THROWS(bad_state, "strategy's state has format version 2", other.restore(forged(8, 2)));
  CHECK_THROWS(bad_state, "bounds", other.restore(forged(16, ~std::uint64_t{0})));
  // A session's own state is a start as well, with no cooldown left.
  strategy.restore(session);
  CHECK_EQUAL(strategy.cooldown_left(), 0);
  CHECK(strategy.session().state() == session);
}

TEST(peeking_is_the_signal_at_the_close_and_commits_nothing) {
  const BarTable bars = make_bars(120, 20, 5 * kMinute, 3), others = make_bars(120, 20, 5 * kMinute, 4);
  const TFACfg cfg = with_feed({.cooldown_bars = 2});
  const auto bundle = load_made({.seq_len = 2});
  TFAStrategy strategy(cfg, bundle);
  int signals = 0;
  for (std::size_t row = 0; row < bars.size(); ++row) {
    const auto state = strategy.state();
    for (Bar forming : {others[row], bars[row]}) {
      forming.ts = bars.ts[row];
      TFAStrategy closed(cfg, bundle);
      closed.restore(state);
      const Signal expected = closed.on_bar(forming);
      expect_same(strategy.peek(forming), expected);
      if (expected.side != Side::flat) ++signals;
      CHECK(strategy.state() == state);
    }
    (void)strategy.on_bar(bars[row]);
  }
  CHECK(signals > 20);
}

TEST(bars_that_are_only_observed_pass_for_the_cooldown) {
  const BarTable bars = make_bars(60, 20, 5 * kMinute, 3);
  TFAStrategy strategy(with_feed({.cooldown_bars = 6}), load_made());
  std::size_t row = 0;
  while (strategy.cooldown_left() == 0) (void)strategy.on_bar(bars[row++]);
  CHECK_EQUAL(strategy.cooldown_left(), 6);
  (void)strategy.observe(bars[row]);
  CHECK(is_refusal(strategy.observe(bars[row])));
  CHECK_EQUAL(strategy.cooldown_left(), 5);
  strategy.warm_up(bars.columns().slice(row + 1, 3));
  CHECK_EQUAL(strategy.cooldown_left(), 2);
  strategy.warm_up(bars.columns().slice(row + 4, 3));
  CHECK_EQUAL(strategy.cooldown_left(), 0);
}

TEST(a_configuration_that_contradicts_itself_is_refused) {
  const auto bundle = load_made();
  const auto refuses = [&](const char* field, const TFACfg& cfg) {
    CHECK_THROWS(bad_argument, field, TFAStrategy(with_feed(cfg), bundle));
  };
  refuses("buy_probability", {.buy_probability = 1.1});
  refuses("buy_probability", {.buy_probability = std::nan("")});
  refuses("sell_probability", {.buy_probability = 0.4, .sell_probability = 0.6});
  refuses("sell_return", {.buy_return = -1, .sell_return = 1});
  refuses("confidence_floor", {.confidence_floor = -0.1});
  refuses("cooldown_bars", {.cooldown_bars = -1});
}

TEST(another_interval_than_the_bundles_is_refused) {
  const auto bundle = load_made();
  CHECK_THROWS(bad_argument, "5m", TFAStrategy({.interval_ns = kMinute}, bundle));
  CHECK_THROWS(bad_argument, "was not said: set interval_ns", TFAStrategy({}, bundle));
  CHECK_EQUAL(TFAStrategy({.interval_ns = 5 * kMinute}, bundle).session().bars_seen(), 0);
}

TEST(a_bundle_in_a_folder_of_another_name_is_refused) {
  const TemporaryFolder root;
  seal(TFACfg{.root = root.path()}.folder(), make_bundle());  // TFA v1
  (void)TFAStrategy(with_feed({.root = root.path()}), sum_model());
  for (const TFACfg& cfg :
       {TFACfg{.version = "v7", .root = root.path()}, {.model_id = "TFB", .root = root.path()}}) {
    std::filesystem::create_directories(cfg.folder().parent_path());
    std::filesystem::copy(TFACfg{.root = root.path()}.folder(), cfg.folder(),
                          std::filesystem::copy_options::recursive);
    const std::string told =
        cfg.folder().string() + ": holds the bundle TFA v1, not " + cfg.model_id + " " + cfg.version;
    CHECK_THROWS(bad_argument, told, TFAStrategy(with_feed(cfg), sum_model()));
  }
}

TEST(the_folder_follows_from_root_model_and_version) {
  const TemporaryFolder root;
  const TFACfg cfg{.model_id = "TFA", .version = "v7", .root = root.path()};
  CHECK_EQUAL(cfg.folder().string(), (root.path() / "artifacts" / "TFA" / "v7").string());
  CHECK_THROWS(missing, "v7", TFAStrategy{cfg});
  CHECK_THROWS(bad_argument, "name", (void)TFACfg({.version = "../v7", .root = root.path()}).folder());
  CHECK_THROWS(bad_argument, "name", (void)TFACfg({.model_id = "", .root = root.path()}).folder());
  CHECK_THROWS(missing, "no-such", (void)TFACfg({.root = root.path() / "no-such"}).folder());
}

}  // namespace
