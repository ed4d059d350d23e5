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
constexpr std::size_t kKept = kLongest + 1;  // a window, and the one before it

// The last bars' closes and opens.
class Past {
 public:
  void push(double close, double open) {
    const std::size_t place = count_++ % kKept;
    close_[place] = close, open_[place] = open;
  }
  // The last `window` closes or opens, the oldest first, less the oldest of them: long double, too, has no
  // digits to give away at 1e6.
  [[nodiscard]] long double oldest_close(std::size_t window) const {
    return close_[(count_ - window) % kKept];
  }
  [[nodiscard]] std::vector<long double> closes(std::size_t window) const { return last(close_, window); }
  [[nodiscard]] std::vector<long double> opens(std::size_t window) const { return last(open_, window); }

 private:
  [[nodiscard]] std::vector<long double> last(const std::vector<double>& ring, std::size_t window) const {
    std::vector<long double> values(window);
    const double oldest = ring[(count_ - window) % kKept];
    for (std::size_t k = 0; k < window; ++k)
      values[k] = static_cast<long double>(ring[(count_ - window + k) % kKept]) - oldest;
    return values;
  }

  std::size_t count_ = 0;
  std::vector<double> close_ = std::vector<double>(kKept), open_ = close_;
};

long double mean_of(const std::vector<long double>& x) {
  long double sum = 0;
  for (const long double value : x) sum += value;
  return sum / static_cast<long double>(x.size());
}

// Mean product of two series' distances from their means.
long double comoment(const std::vector<long double>& x, const std::vector<long double>& y) {
  const long double x_mean = mean_of(x), y_mean = mean_of(y);
  long double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += (x[k] - x_mean) * (y[k] - y_mean);
  return sum / static_cast<long double>(x.size());
}

// Mean of a power of the distances from the mean.
long double central_moment(const std::vector<long double>& x, int power) {
  const long double mean = mean_of(x);
  long double sum = 0;
  for (const long double value : x) sum += std::pow(value - mean, power);
  return sum / static_cast<long double>(x.size());
}

// The mean of values by weights 1 for the oldest, 2, and so on.
long double weighted_mean(const std::vector<long double>& x) {
  long double sum = 0, weights = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto weight = static_cast<long double>(k + 1);
    sum += weight * x[k], weights += weight;
  }
  return sum / weights;
}

long double correlation(const std::vector<long double>& x, const std::vector<long double>& y) {
  return comoment(x, y) / std::sqrt(comoment(x, x)) / std::sqrt(comoment(y, y));
}

struct Expected {
  long double value, scale;
};

// The features of one window, by the name of their op, with the scales that their errors are measured in: the
// root mean square for means, the deviation for deviations, 1 or a larger value for what is free of units.
std::map<std::string, Expected> recompute(const Past& past, std::size_t window) {
  const auto x = past.closes(window), y = past.opens(window);
  std::vector<long double> time(window);
  for (std::size_t k = 0; k < window; ++k) time[k] = static_cast<long double>(k);
  const long double base = past.oldest_close(window), above = mean_of(x), mean = base + above;
  const auto longer = past.closes(window + 1);
  const std::vector<long double> before(longer.begin(), longer.end() - 1),
      after(longer.begin() + 1, longer.end());
  const long double variance = comoment(x, x), deviation = std::sqrt(variance);
  const long double size = std::sqrt(variance + mean * mean);
  const long double skewness = central_moment(x, 3) / (variance * deviation);
  const long double kurtosis = central_moment(x, 4) / (variance * variance) - 3;
  const long double xt = comoment(x, time), tt = comoment(time, time);
  const long double slope = xt / tt;
  const long double end = mean + slope * (static_cast<long double>(window) - 1) / 2;
  return {
      {"SMA", {mean, size}},
      {"SUM", {mean * static_cast<long double>(window), size * static_cast<long double>(window)}},
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
  };
}

std::shared_ptr<const Plan> plan_of_windows() {
  std::string features;
  const auto add = [&](const std::string& op, const std::string& source, std::size_t window) {
    features += features.empty() ? "" : ", ";
    features += R"({"name": ")" + op + "_" + std::to_string(window) + R"(", "op": ")" + op +
                R"(", "source": )" + source + R"(, "window": )" + std::to_string(window) + "}";
  };
  for (const std::size_t window : kWindows) {
    for (const char* op : {"SMA", "SUM", "WMA", "VOLATILITY", "VAR", "BOLLINGER_UPPER", "ZWIN", "LINEARREG",
                           "LINEARREG_SLOPE", "LINEARREG_R2", "SKEWNESS", "KURTOSIS", "AUTOCORRELATION"}) {
      add(op, R"(["close"])", window);
    }
    add("CORREL", R"(["close", "open"])", window);
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
    const Bar bar{row_ * test::kMinute, open, std::max(open, close), std::min(open, close), close, 1.0};
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
      past.push(bar.close, bar.open);
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
