// sentio_drift [BARS]: how far windows are from long double recomputation after BARS streamed bars, 1e8
// unless told, of a series at 1e6 and of one that jumps there. Prints a table, and fails where an error
// exceeds 1e-9 of its window's own scale.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "made_bars.hpp"
#include "sentio/engine.hpp"

namespace {

using namespace sentio;

constexpr double kAllowed = 1e-9;
constexpr std::array kWindows = {std::size_t{20}, std::size_t{1000}, std::size_t{100'000}};
constexpr std::size_t kLongest = kWindows.back();
constexpr std::size_t kLag = 5;                 // of VARIANCE_RATIO, as the catalog has it
constexpr std::size_t kKept = kLongest + kLag;  // a window of returns over so many bars

using Series = std::vector<long double>;

// The last bars.
class Past {
 public:
  void push(const Bar& bar) { bars_[count_++ % kKept] = bar; }

  // A column's last `window` values, the oldest first, less the oldest of them: long double, too, has no
  // digits to give away at 1e6.
  [[nodiscard]] Series last(double Bar::* column, std::size_t window) const {
    const double oldest = bar(window - 1).*column;
    return series(window, [&](std::size_t k) { return static_cast<long double>(bar(k).*column) - oldest; });
  }
  [[nodiscard]] Series changes(double Bar::* column, std::size_t window) const {
    return series(window, [&](std::size_t k) { return change(column, k, 1); });
  }
  [[nodiscard]] Series log_returns(std::size_t window, std::size_t lag = 1) const {
    return series(window, [&](std::size_t k) { return std::log1p(change(&Bar::close, k, lag)); });
  }
  // Signed by where the close is between low, -1, and high, 1.
  [[nodiscard]] Series signed_volumes(std::size_t window) const {
    return series(window, [&](std::size_t k) {
      const Bar& b = bar(k);
      const long double low = b.low, high = b.high, close = b.close;
      return ((close - low) - (high - close)) / (high - low) * static_cast<long double>(b.volume);
    });
  }
  [[nodiscard]] long double oldest_close(std::size_t window) const { return bar(window - 1).close; }
  [[nodiscard]] long double oldest_volume(std::size_t window) const { return bar(window - 1).volume; }

 private:
  [[nodiscard]] const Bar& bar(std::size_t ago) const { return bars_[(count_ - 1 - ago) % kKept]; }

  // As a share of the value `lag` bars before.
  [[nodiscard]] long double change(double Bar::* column, std::size_t ago, std::size_t lag) const {
    const long double before = bar(ago + lag).*column;
    return (bar(ago).*column - before) / before;
  }

  // `value(ago)` of the last `window` bars, the oldest first.
  template <class Value>
  static Series series(std::size_t window, Value value) {
    Series values(window);
    for (std::size_t k = 0; k < window; ++k) values[k] = value(window - 1 - k);
    return values;
  }

  std::size_t count_ = 0;
  std::vector<Bar> bars_ = std::vector<Bar>(kKept);
};

long double mean_of(const Series& x) {
  long double sum = 0;
  for (const long double value : x) sum += value;
  return sum / static_cast<long double>(x.size());
}

// Mean product of two series' distances from their means.
long double comoment(const Series& x, const Series& y) {
  const long double x_mean = mean_of(x), y_mean = mean_of(y);
  long double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += (x[k] - x_mean) * (y[k] - y_mean);
  return sum / static_cast<long double>(x.size());
}

// Mean of a power of the distances from the mean.
long double central_moment(const Series& x, int power) {
  const long double mean = mean_of(x);
  long double sum = 0;
  for (const long double value : x) sum += std::pow(value - mean, power);
  return sum / static_cast<long double>(x.size());
}

// The mean of values by weights 1 for the oldest, 2, and so on.
long double weighted_mean(const Series& x) {
  long double sum = 0, weights = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto weight = static_cast<long double>(k + 1);
    sum += weight * x[k], weights += weight;
  }
  return sum / weights;
}

long double correlation(const Series& x, const Series& y) {
  return comoment(x, y) / std::sqrt(comoment(x, x)) / std::sqrt(comoment(y, y));
}

struct Expected {
  long double value, scale;
};

// The features of one window, by the name of their op, with the scales that their errors are measured in: the
// root mean square for means, the deviation for deviations, 1 or a larger value for what is free of units.
std::map<std::string, Expected> recompute(const Past& past, std::size_t window) {
  const auto count = static_cast<long double>(window);
  const Series x = past.last(&Bar::close, window), y = past.last(&Bar::open, window);
  Series time(window);
  for (std::size_t k = 0; k < window; ++k) time[k] = static_cast<long double>(k);
  const long double base = past.oldest_close(window), above = mean_of(x), mean = base + above;
  const Series longer = past.last(&Bar::close, window + 1);
  const Series before(longer.begin(), longer.end() - 1), after(longer.begin() + 1, longer.end());
  const long double variance = comoment(x, x), deviation = std::sqrt(variance);
  const long double size = std::sqrt(variance + mean * mean);
  const long double skewness = central_moment(x, 3) / (variance * deviation);
  const long double kurtosis = central_moment(x, 4) / (variance * variance) - 3;
  const long double xt = comoment(x, time), tt = comoment(time, time);
  const long double slope = xt / tt;
  const long double end = mean + slope * (count - 1) / 2;

  const Series market = past.changes(&Bar::close, window), asset = past.changes(&Bar::open, window);
  const long double market_variance = comoment(market, market);
  const Series moves = past.log_returns(window + 1);
  const Series earlier(moves.begin(), moves.end() - 1), later(moves.begin() + 1, moves.end());
  const long double reversal = -comoment(earlier, later), move_deviation = std::sqrt(comoment(later, later));
  const Series flow = past.signed_volumes(window);
  const long double volume = past.oldest_volume(window) + mean_of(past.last(&Bar::volume, window));
  const long double flow_variance = comoment(flow, flow);
  const Series ones = past.log_returns(window + kLag - 1), longs = past.log_returns(window, kLag);
  const long double ratio = comoment(longs, longs) / (static_cast<long double>(kLag) * comoment(ones, ones));
  return {
      {"SMA", {mean, size}},
      {"SUM", {mean * count, size * count}},
      {"WMA", {base + weighted_mean(x), size}},
      {"VOLATILITY", {deviation, deviation}},
      {"VAR", {variance, variance}},
      {"BOLLINGER_UPPER", {mean + 2 * deviation, size}},
      {"ZWIN", {(x.back() - above) / deviation, 1}},
      {"LINEARREG", {end, size}},
      {"LINEARREG_SLOPE", {slope, deviation / std::sqrt(tt)}},
      {"LINEARREG_R2", {xt / tt * (xt / variance), 1}},
      {"SKEWNESS", {skewness, std::max(1.0L, std::abs(skewness))}},
      {"KURTOSIS", {kurtosis, std::max(1.0L, std::abs(kurtosis))}},
      {"AUTOCORRELATION", {correlation(before, after), 1}},
      {"CORREL", {correlation(x, y), 1}},
      {"BETA",
       {comoment(market, asset) / market_variance, std::sqrt(comoment(asset, asset) / market_variance)}},
      {"ROLL", {2 * std::sqrt(std::max(reversal, 0.0L)), move_deviation}},
      {"KYLE_LAMBDA",
       {comoment(flow, later) / flow_variance * volume, move_deviation / std::sqrt(flow_variance) * volume}},
      {"VARIANCE_RATIO", {ratio, std::max(1.0L, ratio)}},
  };
}

std::shared_ptr<const Plan> plan_of_windows() {
  std::string features;
  const auto add = [&](const std::string& op, const std::string& source, std::size_t window) {
    features += features.empty() ? "" : ", ";
    features += R"({"name": ")" + op + "_" + std::to_string(window) + R"(", "op": ")" + op + "\", " + source +
                R"("window": )" + std::to_string(window) + "}";
  };
  for (const std::size_t window : kWindows) {
    for (const char* op :
         {"SMA", "SUM", "WMA", "VOLATILITY", "VAR", "BOLLINGER_UPPER", "ZWIN", "LINEARREG", "LINEARREG_SLOPE",
          "LINEARREG_R2", "SKEWNESS", "KURTOSIS", "AUTOCORRELATION", "ROLL", "VARIANCE_RATIO"}) {
      add(op, R"("source": ["close"], )", window);
    }
    for (const char* op : {"CORREL", "BETA"}) add(op, R"("source": ["close", "open"], )", window);
    add("KYLE_LAMBDA", "", window);
  }
  return Plan::compile(
      R"({"schema_version": "1.0", "dtype": "float64", "alignment_policy": {"emit_from_index": 0,
          "allow_early_emit": true}, "features": [)" +
      features + "]}");
}

// Level 1, and 1e6 from a bar on, both with deviations of about 1e-3.
class Market {
 public:
  explicit Market(std::int64_t jump_at) : jump_at_(jump_at) {}
  Bar next() {
    const double level = row_ < jump_at_ ? 1.0 : 1e6;
    const double wobble = noise();
    const double close = level + wobble, open = level + 0.5 * (wobble + noise());
    const double high = std::max(open, close) + 1e-3 * dice_.roll();
    const double low = std::min(open, close) - 1e-3 * dice_.roll();
    const Bar bar{row_ * test::kMinute, open, high, low, close, 1e6 * (1.0 + dice_.roll())};
    ++row_;
    return bar;
  }

 private:
  double noise() { return 2e-3 * (dice_.roll() + dice_.roll() - 1.0); }

  std::int64_t jump_at_, row_ = 0;
  test::Dice dice_{11};
};

struct Checkpoint {
  std::int64_t bars;
  std::string what;
};

std::vector<Checkpoint> checkpoints(std::int64_t bars, std::int64_t jump) {
  if (jump == 0) return {{bars / 2, "at 1e6"}, {bars, "at 1e6, the end"}};
  std::vector<Checkpoint> all = {{jump, "before the jump"}, {jump + 10, "10 bars after the jump"}};
  for (const std::size_t window : kWindows) {
    all.push_back({jump + static_cast<std::int64_t>(window),
                   "first window of " + std::to_string(window) + " after the jump"});
  }
  all.push_back({bars, "the end"});
  return all;
}

// The worst error of all checkpoints, a line of the table for each.
double worst_error(std::int64_t bars, std::int64_t jump_at) {
  const auto plan = plan_of_windows();
  Engine engine(plan);
  Market market(jump_at);
  Past past;
  std::vector<double> row(plan->width());
  std::int64_t seen = 0;
  double worst_of_all = 0;
  for (const Checkpoint& checkpoint : checkpoints(bars, jump_at)) {
    for (; seen < checkpoint.bars; ++seen) {
      const Bar bar = market.next();
      past.push(bar);
      if (engine.step(bar, row) != BarFault::none) throw std::runtime_error("a bar was refused");
    }
    double worst = -1;
    std::string where;
    for (const std::size_t window : kWindows) {
      for (const auto& [op, expected] : recompute(past, window)) {
        const std::string name = op + "_" + std::to_string(window);
        const auto& features = plan->features();
        const auto found = std::find_if(features.begin(), features.end(),
                                        [&](const FeatureInfo& feature) { return feature.name == name; });
        const auto value = static_cast<long double>(row[static_cast<std::size_t>(found - features.begin())]);
        const auto error = static_cast<double>(std::abs(value - expected.value) / expected.scale);
        if (!(error <= worst)) worst = error, where = name;
      }
    }
    std::cout << "| " << checkpoint.bars << " | " << checkpoint.what << " | " << where << " | "
              << std::setprecision(2) << worst << " |" << std::endl;
    if (!(worst <= worst_of_all)) worst_of_all = worst;
  }
  return worst_of_all;
}

int run(std::int64_t bars) {
  std::cout << "| bars | where | feature that is worst | its error / scale |\n|---|---|---|---|\n";
  bool kept = true;
  for (const std::int64_t jump_at : {std::int64_t{0}, bars / 2})
    kept &= worst_error(bars, jump_at) <= kAllowed;
  return kept ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  std::int64_t bars = 100'000'000;
  if (count > 1) {
    const char* end = words[1] + std::strlen(words[1]);
    if (count > 2 || std::from_chars(words[1], end, bars).ptr != end ||
        bars < 4 * static_cast<std::int64_t>(kLongest)) {
      std::cerr << "usage: sentio_drift [BARS], at least 400000\n";
      return 2;
    }
  }
  return run(bars);
}
