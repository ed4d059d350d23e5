// The parts of sentio_cli that can be wrong by themselves: arguments, feeds, the paper account, its figures.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "arguments.hpp"
#include "bar_feed.hpp"
#include "check.hpp"
#include "latency_histogram.hpp"
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
  fails(Exit::usage, "--days needs a value, N", [] { read({"QQQ", "--days", ""}); });
  fails(Exit::usage, "--days needs a value, N", [] { read({"QQQ", "--days="}); });
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

BarTable read_to_end(BarFeed& feed) {
  BarTable bars;
  while (const auto bar = feed.next()) bars.push_back(*bar);
  return bars;
}

const Bundle& bundle() {
  static const auto made = load_made();
  return *made;
}

BarTable read_text(const std::string& text) {
  const TemporaryFolder folder;
  write_file(folder.path() / "bars.csv", text);
  const auto feed = open_csv_feed(folder.path() / "bars.csv", bundle());
  return read_to_end(*feed);
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
  refused("line 2: is longer than 4096 bytes", kHead + std::string(5000, '1'));
  refused("line 1: is longer than 4096 bytes", std::string(3 << 20, '1'));
  const auto not_opened = [](const std::string& words, const std::string& path) {
    fails(Exit::bad_input, words, [&] { (void)open_csv_feed(path, bundle()); });
  };
  not_opened("cannot be opened", "/no/such/file");
  not_opened("is not a plain file", "/dev/null");
  const TemporaryFolder folder;
  CHECK_EQUAL(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  not_opened("pipe: is not a plain file", (folder.path() / "pipe").string());
}

std::string csv_of(const BarTable& bars) {
  std::string text = kHead;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    char line[256];
    std::snprintf(line, sizeof line, "%lld,%.17g,%.17g,%.17g,%.17g,%.17g\n",
                  static_cast<long long>(bars.ts[i]), bars.open[i], bars.high[i], bars.low[i], bars.close[i],
                  bars.volume[i]);
    text += line;
  }
  return text;
}

TEST(every_reading_of_a_csv_file_gives_the_same_bars) {
  const BarTable bars = make_bars(30'000);  // some MB: lines lie across the blocks in which it is read
  const TemporaryFolder folder;
  const auto file = folder.path() / "bars.csv";
  std::string text = csv_of(bars);
  text.pop_back();  // the last line may lack its end
  write_file(file, text);
  const auto feed = open_csv_feed(file, bundle());
  CHECK(!feed->origin().entry_id && !feed->origin().simulated);
  for (int reading = 0; reading < 2; ++reading) {
    const BarTable found = read_to_end(*feed);
    CHECK(found.ts == bars.ts && found.open == bars.open && found.high == bars.high);
    CHECK(found.low == bars.low && found.close == bars.close && found.volume == bars.volume);
    CHECK(feed->features().empty());
    CHECK(!feed->next());
    feed->rewind();
  }
}

TEST(a_csv_file_that_was_changed_between_two_readings_is_refused) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "bars.csv";
  const std::string text = csv_of(make_bars(300));
  write_file(file, text);
  const auto feed = open_csv_feed(file, bundle());
  CHECK_EQUAL(read_to_end(*feed).size(), 300u);
  feed->rewind();
  std::string changed = text;
  changed[text.size() - 2] = text[text.size() - 2] == '1' ? '2' : '1';  // a volume's last digit
  write_file(file, changed);
  fails(Exit::bad_input, "bars.csv: was changed while it was being read", [&] { (void)read_to_end(*feed); });
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
  std::vector<PaperResult> days;
  for (int i = 0; i < 10; ++i) days.insert(days.end(), {day(1.03), day(0.99)});
  // Mean 0.01; 20 squares of 0.02 over 19 degrees of freedom.
  CHECK(std::fabs(*sharpe_ratio(days) - 0.01 / (0.02 * std::sqrt(20.0 / 19.0)) * std::sqrt(252.0)) < 1e-9);
  CHECK(!sharpe_ratio(std::span(days).first(19)));
  CHECK(!sharpe_ratio(std::vector<PaperResult>(20)));
}

TEST(a_quantile_is_the_nearest_rank) {
  LatencyHistogram latencies;
  for (std::int64_t i = 100; i >= 1; --i) latencies.add(i);
  CHECK_EQUAL(latencies.count(), 100);
  CHECK_EQUAL(latencies.quantile(0.50), 50);
  CHECK_EQUAL(latencies.quantile(0.99), 99);
  CHECK_EQUAL(latencies.quantile(1.0), 100);
  LatencyHistogram one;
  one.add(7);
  CHECK_EQUAL(one.quantile(0.5), 7);
}

TEST(a_quantile_is_never_less_than_the_latency_and_less_than_a_128th_more) {
  Dice dice(3);
  LatencyHistogram latencies;
  std::vector<std::int64_t> values = {0, 255, 256, 257, INT64_MAX};
  for (int i = 0; i < 10'000; ++i) values.push_back(static_cast<std::int64_t>(std::exp2(62.9 * dice.roll())));
  for (const std::int64_t value : values) latencies.add(value);
  std::sort(values.begin(), values.end());
  CHECK_EQUAL(latencies.most(), INT64_MAX);
  for (std::size_t rank = 1; rank <= values.size(); rank += 7) {
    const std::int64_t exact = values[rank - 1];
    // Half a rank less, so that no rounding of the share makes it another rank.
    const double q = (static_cast<double>(rank) - 0.5) / static_cast<double>(values.size());
    const std::int64_t found = latencies.quantile(q);
    CHECK(found >= exact && found - exact <= exact / 128);
  }
}

TEST(a_latency_of_a_clock_set_back_counts_as_none) {
  LatencyHistogram latencies;
  latencies.add(-5);
  CHECK_EQUAL(latencies.quantile(1.0), 0);
}

}  // namespace
