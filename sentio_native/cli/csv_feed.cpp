// Bars from a CSV file, read strictly.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "bar_feed.hpp"
#include "runtime/hashed_file.hpp"
#include "runtime/interval.hpp"
#include "screen.hpp"
#include "sentio/error.hpp"

namespace sentio::cli {
namespace {

constexpr std::string_view kHeader = "ts,open,high,low,close,volume";
constexpr std::size_t kColumns = 6;
constexpr std::size_t kShownProblems = 10;
// Of a line, in bytes: six numbers need some hundred, and a file without lines must not fill memory.
constexpr std::size_t kLongestLine = 4096;

template <class Number>
bool parse(std::string_view text, Number& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

HashedFile open_file(const std::filesystem::path& path) {
  // Not blocking: opening a pipe that nobody writes to would wait for ever.
  Descriptor opened(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat facts{};
  if (opened.get() < 0 || ::fstat(opened.get(), &facts) != 0) {
    throw Failure(Exit::bad_input, path.string() + ": cannot be opened");
  }
  if (!S_ISREG(facts.st_mode)) {
    throw Failure(Exit::bad_input, path.string() + ": is not a plain file",
                  "it is read twice, so a pipe must be written to a file first");
  }
  return {std::move(opened), path.string()};
}

// The file's lines, without their ends.
class Lines {
 public:
  explicit Lines(HashedFile file) : file_(std::move(file)) {}

  // Valid until the next call; none behind the last.
  std::optional<std::string_view> next() {
    joined_.clear();
    while (true) {
      const std::size_t end = block_.find('\n');
      const std::string_view part = block_.substr(0, end);
      block_.remove_prefix(end == std::string_view::npos ? block_.size() : end + 1);
      if (joined_.size() + part.size() > kLongestLine) {
        throw Failure(Exit::bad_input, file_.place() + ": line " + std::to_string(number_ + 1) +
                                           ": is longer than " + std::to_string(kLongestLine) + " bytes");
      }
      if (end != std::string_view::npos && joined_.empty()) return numbered(part);
      joined_ += part;
      if (end != std::string_view::npos) return numbered(joined_);
      if (fill()) continue;
      if (joined_.empty()) return std::nullopt;
      return numbered(joined_);  // the last line has no end
    }
  }

  void rewind() {
    file_.rewind();
    block_ = {};
    number_ = 0;
  }

  // Of the line that next() gave, from 1 on.
  [[nodiscard]] std::int64_t number() const noexcept { return number_; }
  [[nodiscard]] const std::string& place() const noexcept { return file_.place(); }

 private:
  std::string_view numbered(std::string_view text) {
    ++number_;
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
  }

  bool fill() {
    try {
      const auto bytes = file_.next_block();
      block_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    } catch (const Error& error) {  // the file was changed: no store of ours
      throw Failure(Exit::bad_input, error.what());
    }
    return !block_.empty();
  }

  HashedFile file_;
  std::string_view block_;  // what is left of it
  std::string joined_;      // a line that goes on from block to block
  std::int64_t number_ = 0;
};

class CsvFeed final : public BarFeed {
 public:
  CsvFeed(const std::filesystem::path& file, std::int64_t interval)
      : BarFeed({.place = file.string()}), lines_(open_file(file)), interval_(interval) {}

  std::optional<Bar> next() override {
    while (const auto text = lines_.next()) {
      if (lines_.number() == 1) {
        check_header(*text);
      } else if (const auto bar = read_row(*text)) {
        return bar;
      }
    }
    check_end();
    return std::nullopt;
  }

  void rewind() override {
    lines_.rewind();
    seen_ = {};
  }

 private:
  // What a reading has come upon.
  struct Seen {
    std::int64_t unit = 0;  // of ts, in nanoseconds; 0 before the first line
    std::optional<std::int64_t> last_ts;
    std::size_t bars = 0;
    bool close_ones = false;  // two bars as close as the bundle's interval
    std::string problems;
    std::size_t problem_count = 0;
  };

  void check_header(std::string_view text) const {
    if (text == kHeader) return;
    throw Failure(Exit::bad_input, origin().place + ": its header is '" + std::string(text) + "'",
                  "the header must be " + std::string(kHeader));
  }

  std::nullopt_t problem(std::string_view what) {
    if (seen_.problem_count++ < kShownProblems) {
      seen_.problems += "\n  line " + std::to_string(lines_.number()) + ": " + std::string(what);
    }
    return std::nullopt;
  }

  // None where it is no good bar, which is written down.
  std::optional<Bar> read_row(std::string_view text) {
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
    if (seen_.unit == 0) seen_.unit = epoch_unit(ts);
    if (epoch_unit(ts) != seen_.unit) return problem("ts has another unit than on the first line");
    if (__builtin_mul_overflow(ts, seen_.unit, &bar.ts)) return problem("ts is beyond the year 2262");
    if (const BarFault fault = check_bar(bar); fault != BarFault::none) return problem(describe(fault));
    if (seen_.last_ts && bar.ts <= *seen_.last_ts) return problem(describe(BarFault::not_later));
    if (seen_.last_ts && is_closer_than(*seen_.last_ts, bar.ts, shortest_step(interval_))) {
      return problem("follows the line before by less than the bundle's interval");
    }
    // Bars of a longer interval than the bundle's would pass as bars with others missing between them.
    const std::int64_t longest = interval_ >= kDay ? interval_ + kHour : interval_;
    if (seen_.last_ts && is_closer_than(*seen_.last_ts, bar.ts, longest + 1)) seen_.close_ones = true;
    seen_.last_ts = bar.ts;
    ++seen_.bars;
    return bar;
  }

  void check_end() const {
    const std::string& place = origin().place;
    if (lines_.number() == 0) throw Failure(Exit::bad_input, place + ": is empty");
    if (seen_.problem_count > 0) {
      const std::size_t hidden = seen_.problem_count - std::min(seen_.problem_count, kShownProblems);
      throw Failure(Exit::bad_input, place + ": " + std::to_string(seen_.problem_count) + " bad lines" +
                                         seen_.problems +
                                         (hidden > 0 ? "\n  and " + std::to_string(hidden) + " more" : ""));
    }
    if (seen_.bars < 2 || seen_.close_ones) return;
    throw Failure(Exit::bad_input, place + ": no two bars are as close as the bundle's interval, " +
                                       std::to_string(interval_ / kSecond) + " s");
  }

  Lines lines_;
  std::int64_t interval_;
  Seen seen_;
};

}  // namespace

std::unique_ptr<BarFeed> open_csv_feed(const std::filesystem::path& file, const Bundle& bundle) {
  return std::make_unique<CsvFeed>(file, bundle.manifest().interval_ns);
}

}  // namespace sentio::cli
