// Bars from a CSV file, read strictly.
#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include "bar_feed.hpp"
#include "runtime/interval.hpp"
#include "screen.hpp"
#include "sentio/error.hpp"

namespace sentio::cli {
namespace {

constexpr std::string_view kHeader = "ts,open,high,low,close,volume";
constexpr std::size_t kColumns = 6;
constexpr std::size_t kShownProblems = 10;

template <class Number>
bool parse(std::string_view text, Number& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

class CsvReader {
 public:
  CsvReader(std::filesystem::path file, std::int64_t interval)
      : file_(std::move(file)), interval_(interval) {}

  BarTable run() {
    std::ifstream stream(file_, std::ios::binary);
    if (!stream) throw Failure(Exit::bad_input, file_.string() + ": cannot be opened");
    for (std::string text; std::getline(stream, text); ++line_) {
      if (text.ends_with('\r')) text.pop_back();
      if (line_ == 1) {
        if (text == kHeader) continue;
        throw Failure(Exit::bad_input, file_.string() + ": its header is '" + text + "'",
                      "the header must be " + std::string(kHeader));
      }
      read_row(text);
    }
    if (stream.bad()) throw Failure(Exit::resources, file_.string() + ": cannot be read");
    if (line_ == 1) throw Failure(Exit::bad_input, file_.string() + ": is empty");
    if (problem_count_ > 0) refuse();
    check_distance();
    return std::move(bars_);
  }

 private:
  void problem(std::string_view what) {
    if (problem_count_++ < kShownProblems) {
      problems_ += "\n  line " + std::to_string(line_) + ": " + std::string(what);
    }
  }

  [[noreturn]] void refuse() const {
    const std::size_t hidden = problem_count_ - std::min(problem_count_, kShownProblems);
    throw Failure(Exit::bad_input, file_.string() + ": " + std::to_string(problem_count_) + " bad lines" +
                                       problems_ +
                                       (hidden > 0 ? "\n  and " + std::to_string(hidden) + " more" : ""));
  }

  void read_row(std::string_view text) {
    std::array<std::string_view, kColumns> cells;
    for (std::size_t k = 0; k < kColumns; ++k) {
      const std::size_t end = text.find(',');
      if ((end == std::string_view::npos) != (k + 1 == kColumns)) return problem("has not 6 columns");
      cells[k] = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    Bar bar{};
    std::int64_t ts = 0;
    if (!parse(cells[0], ts)) return problem("ts is not a whole number");
    const std::array<double*, kColumns - 1> values = {&bar.open, &bar.high, &bar.low, &bar.close,
                                                      &bar.volume};
    for (std::size_t k = 1; k < kColumns; ++k) {
      if (!parse(cells[k], *values[k - 1])) return problem("'" + std::string(cells[k]) + "' is not a number");
    }
    if (unit_ == 0) unit_ = epoch_unit(ts);
    if (epoch_unit(ts) != unit_) return problem("ts has another unit than on the first line");
    if (__builtin_mul_overflow(ts, unit_, &bar.ts)) return problem("ts is beyond the year 2262");
    if (const BarFault fault = check_bar(bar); fault != BarFault::none) return problem(describe(fault));
    if (bars_.size() > 0 && bar.ts <= bars_.ts.back()) return problem(describe(BarFault::not_later));
    if (bars_.size() > 0 && is_closer_than(bars_.ts.back(), bar.ts, shortest_step(interval_))) {
      return problem("follows the line before by less than the bundle's interval");
    }
    bars_.push_back(bar);
  }

  // Bars of a longer interval than the bundle's would pass as bars with others missing between them.
  void check_distance() const {
    const std::int64_t longest = interval_ >= kDay ? interval_ + kHour : interval_;
    for (std::size_t i = 1; i < bars_.size(); ++i) {
      if (is_closer_than(bars_.ts[i - 1], bars_.ts[i], longest + 1)) return;
    }
    if (bars_.size() < 2) return;
    throw Failure(Exit::bad_input, file_.string() + ": no two bars are as close as the bundle's interval, " +
                                       std::to_string(interval_ / kSecond) + " s");
  }

  std::filesystem::path file_;
  std::int64_t interval_;
  std::int64_t line_ = 1;
  std::int64_t unit_ = 0;
  BarTable bars_;
  std::string problems_;
  std::size_t problem_count_ = 0;
};

}  // namespace

BarFeed read_csv(const std::filesystem::path& file, const Bundle& bundle) {
  BarFeed feed{.origin = file.string()};
  feed.bars = CsvReader(file, bundle.manifest().interval_ns).run();
  return feed;
}

}  // namespace sentio::cli
