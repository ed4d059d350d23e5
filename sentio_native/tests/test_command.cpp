// The parts of sentio_cli that can be wrong by themselves: arguments, CSV, the paper account, its figures.
#include <cmath>

#include "arguments.hpp"
#include "bar_feed.hpp"
#include "check.hpp"
#include "made_bundle.hpp"
#include "paper_account.hpp"
#include "screen.hpp"

namespace {

using namespace sentio;
using namespace sentio::cli;
using namespace sentio::test;

// Runs `action`, which must throw Failure(exit) with `words` in its message.
void fails(Exit exit, const std::string& words, const std::function<void()>& action) {
  try {
    action();
  } catch (const Failure& failure) {
    if (failure.exit() == exit && std::string(failure.what()).find(words) != std::string::npos) return;
    throw std::runtime_error("expected '" + words + "', found: " + failure.what());
  }
  throw std::runtime_error("nothing was thrown, expected: " + words);
}

constexpr Option kOptions[] = {{"--days", "N", ""}, {"--json", "", ""}};
constexpr std::string_view kNames[] = {"SYMBOL"};

Arguments read(const std::vector<std::string>& words) {
  return {words, kOptions, kNames};
}

TEST(arguments_are_read_in_any_order) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"QQQ", "--days", "5", "--json"}, {"--json", "--days=5", "QQQ"}}) {
    const Arguments arguments = read(words);
    CHECK_EQUAL(arguments.plain(0), "QQQ");
    CHECK_EQUAL(*arguments.value("--days"), "5");
    CHECK(arguments.has("--json"));
  }
  CHECK(!read({"QQQ"}).value("--days"));
}

TEST(wrong_arguments_are_named) {
  fails(Exit::usage, "--day is not an option; did you mean --days?", [] { read({"QQQ", "--day", "5"}); });
  fails(Exit::usage, "--days needs a value, N", [] { read({"QQQ", "--days"}); });
  fails(Exit::usage, "--json takes no value", [] { read({"QQQ", "--json=1"}); });
  fails(Exit::usage, "--days is given twice", [] { read({"QQQ", "--days", "5", "--days", "6"}); });
  fails(Exit::usage, "'SPY' is one argument too many", [] { read({"QQQ", "SPY"}); });
  fails(Exit::usage, "SYMBOL is missing", [] { read({}); });
  for (const char* word : {"", "x", "1x", "0", "-1", "1.5"}) {
    fails(Exit::usage, "--days", [&] { (void)to_count("--days", word); });
  }
  for (const char* word : {"", "x", "1x", "nan", "inf"}) {
    fails(Exit::usage, "--cost", [&] { (void)to_number("--cost", word); });
  }
}

TEST(times_are_written_as_dates) {
  CHECK_EQUAL(time_text(0), "1970-01-01T00:00:00Z");
  CHECK_EQUAL(time_text(1'700'000'000'000'000'000), "2023-11-14T22:13:20Z");
  CHECK_EQUAL(time_text(-1'000'000'000), "1969-12-31T23:59:59Z");
  CHECK_EQUAL(date_text(day_of(951'782'400'000'000'000)), "2000-02-29");
}

BarTable read_text(const std::string& text) {
  static const auto bundle = load_made();
  const TemporaryFolder folder;
  write_file(folder.path() / "bars.csv", text);
  return read_csv(folder.path() / "bars.csv", *bundle).bars;
}

const std::string kHead = "ts,open,high,low,close,volume\n";

TEST(a_csv_file_is_read_in_any_unit_of_time) {
  for (const char* zeros : {"", "000", "000000", "000000000"}) {
    const std::string z = zeros;
    const BarTable bars =
        read_text(kHead + "1700000000" + z + ",1,2,0.5,1.5,10\n1700000300" + z + ",1.5,1.5,1.5,1.5,0\r\n");
    CHECK_EQUAL(bars.size(), 2u);
    CHECK_EQUAL(bars.ts[1], 1'700'000'300'000'000'000);
    CHECK_EQUAL(bars.low[0], 0.5);
    CHECK_EQUAL(bars.volume[0], 10.0);
  }
}

TEST(a_bad_csv_file_is_refused_with_its_lines) {
  const auto refused = [](const std::string& words, const std::string& text) {
    fails(Exit::bad_input, words, [&] { read_text(text); });
  };
  const std::string good = "1700000000,1,2,0.5,1.5,10\n";
  refused("is empty", "");
  refused("header", "time,open,high,low,close,volume\n" + good);
  refused("line 3: has not 6 columns", kHead + good + "1700000300,1,2,0.5,1.5\n");
  refused("line 3: has not 6 columns", kHead + good + "1700000300,1,2,0.5,1.5,1,1\n");
  refused("line 3: has not 6 columns", kHead + good + "\n");
  refused("line 3: '1.5 ' is not a number", kHead + good + "1700000300,1,2,0.5,1.5 ,1\n");
  refused("line 3: '' is not a number", kHead + good + "1700000300,,2,0.5,1.5,1\n");
  refused("line 3: ts is not a whole number", kHead + good + "2023-11-14,1,2,0.5,1.5,1\n");
  refused("line 3: ts has another unit", kHead + good + "1700000300000,1,2,0.5,1.5,1\n");
  refused("line 2: ts is beyond the year 2262", kHead + "99999999999,1,2,0.5,1.5,1\n");
  refused("line 3: its time is not later", kHead + good + good);
  refused("line 3: follows the line before by less", kHead + good + "1700000060,1,2,0.5,1.5,1\n");
  refused("line 3: a price", kHead + good + "1700000300,nan,2,0.5,1.5,1\n");
  refused("line 3: high and low", kHead + good + "1700000300,1,2,1.7,1.5,1\n");
  refused("line 3: the volume", kHead + good + "1700000300,1,2,0.5,1.5,-1\n");
  refused("2 bad lines", kHead + "x\ny\n");
  refused("and 5 more", kHead + "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n");
  refused("no two bars are as close as",
          kHead + good + "1700000900,1,2,0.5,1.5,1\n1700001800,1,2,0.5,1.5,1\n");
  fails(Exit::bad_input, "cannot be opened", [] { (void)read_csv("/no/such/file", *load_made()); });
}

Bar bar_at(int minute, double open, double close) {
  return {minute * kMinute, open, std::max(open, close), std::min(open, close), close, 1};
}

bool is_near(double a, double b) {
  return std::fabs(a - b) < 1e-12;
}  // a few roundings of numbers near 1

TEST(a_signal_is_filled_at_the_next_open_and_held_for_the_horizon) {
  PaperAccount account({.hold_bars = 1, .cost = 0.001});
  account.on_bar(bar_at(0, 100, 101), Side::go_long, false);
  account.on_bar(bar_at(1, 102, 103), Side::flat, false);  // bought at 102
  account.on_bar(bar_at(2, 105, 90), Side::flat, true);    // sold at 105
  CHECK_EQUAL(account.days().size(), 1u);
  const PaperResult day = account.days()[0];
  CHECK_EQUAL(day.bars, 3);
  CHECK_EQUAL(day.signals, 1);
  CHECK_EQUAL(day.trades, 1);
  CHECK_EQUAL(day.hits, 1);
  CHECK(is_near(day.growth, 1.0 + (105.0 / 102.0 - 1.0) - 0.002));
}

TEST(a_signal_of_the_same_side_prolongs_and_one_of_the_other_reverses) {
  PaperAccount account({.hold_bars = 2, .cost = 0});
  account.on_bar(bar_at(0, 100, 100), Side::go_long, false);
  account.on_bar(bar_at(1, 100, 100), Side::flat, false);      // bought at 100
  account.on_bar(bar_at(2, 110, 110), Side::go_long, false);   // prolonged
  account.on_bar(bar_at(3, 120, 120), Side::go_short, false);  // still held
  account.on_bar(bar_at(4, 130, 130), Side::flat, false);      // reversed at 130
  account.on_bar(bar_at(5, 117, 117), Side::flat, false);
  account.on_bar(bar_at(6, 104, 104), Side::flat, false);  // two bars after 130: bought back at 104
  account.on_bar(bar_at(7, 50, 50), Side::flat, true);
  const PaperResult total = account.total();
  CHECK_EQUAL(total.trades, 2);
  CHECK(is_near(total.growth, 1.3 * (1.0 - (104.0 / 130.0 - 1.0))));
}

TEST(the_day_ends_flat_and_its_last_signal_is_not_filled) {
  PaperAccount account({.hold_bars = 100, .cost = 0});
  account.on_bar(bar_at(0, 100, 100), Side::go_short, false);
  account.on_bar(bar_at(1, 100, 90), Side::go_short, true);  // sold at 100, bought back at the close, 90
  account.on_bar(bar_at(24 * 60, 200, 300), Side::flat, false);
  account.on_bar(bar_at(24 * 60 + 1, 300, 400), Side::go_long, true);
  CHECK_EQUAL(account.days().size(), 2u);
  CHECK(is_near(account.days()[0].growth, 1.1));
  CHECK_EQUAL(account.days()[1].growth, 1.0);
  CHECK_EQUAL(account.days()[1].trades, 0);
  CHECK_EQUAL(account.days()[1].signals, 1);
  CHECK(!account.days()[1].hit_rate());
}

TEST(a_trade_that_gains_less_than_it_costs_is_no_hit) {
  PaperAccount account({.hold_bars = 1, .cost = 0.01});
  account.on_bar(bar_at(0, 100, 100), Side::go_long, false);
  account.on_bar(bar_at(1, 100, 101), Side::flat, true);
  CHECK_EQUAL(account.total().hits, 0);
  CHECK(is_near(account.total().growth, 0.99));
}

TEST(the_sharpe_ratio_is_that_of_the_days) {
  const auto day = [](double growth) { return PaperResult{.growth = growth}; };
  const std::vector<PaperResult> days = {day(1.01), day(0.99), day(1.03)};
  // Mean 0.01, deviation 0.02 over two degrees of freedom.
  CHECK(std::fabs(*sharpe_ratio(days) - 0.5 * std::sqrt(252.0)) < 1e-9);
  CHECK(!sharpe_ratio(std::span(days).first(1)));
  CHECK(!sharpe_ratio(std::vector<PaperResult>(3)));
}

TEST(a_quantile_is_the_nearest_rank) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 100; i >= 1; --i) values.push_back(i);
  CHECK_EQUAL(quantile(values, 0.50), 50);
  CHECK_EQUAL(quantile(values, 0.99), 99);
  CHECK_EQUAL(quantile(values, 1.0), 100);
  std::vector<std::int64_t> one = {7};
  CHECK_EQUAL(quantile(one, 0.5), 7);
}

}  // namespace
