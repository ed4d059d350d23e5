// The moving averages, each alone and by a number that a spec chooses.
#include "kernels/moving_average.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/pointwise.hpp"
#include "kernels/series.hpp"
#include "kernels/window_fold.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

struct MeanFold {
  using Value = double;
  double per_row;  // 1 / window

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    return in[0][i] - in[0][anchor];
  }
  Value moved(Value sum, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    return sum + rows * (in[0][from] - in[0][to]);
  }
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    out[0][i] = in[0][anchor] + all * per_row;
  }
};

// Sums about the anchor, in value and in time.
struct LinearWeightsFold {
  struct Value {
    double sum, by_time;
  };
  double window;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double d = in[0][i] - in[0][anchor];
    return {d, d * static_cast<double>(i - anchor)};
  }
  Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    const double step = in[0][from] - in[0][to], lag = static_cast<double>(to - from);
    const double sum = v.sum + rows * step;
    const double times = rows * (rows - 1.0) * -0.5;  // of all rows, as `from` counts them
    return {sum, v.by_time + (step * times - lag * sum)};
  }
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    const double weight_of_anchor = window - static_cast<double>(i - anchor);
    const double weighted = all.by_time + weight_of_anchor * all.sum;
    out[0][i] = in[0][anchor] + weighted / (window * (window + 1.0) / 2.0);
  }
};

// Kaufman's spans of the fastest and of the slowest average, 2 and 30, as weights of a new value.
constexpr double kFastest = 2.0 / 3.0, kSlowest = 2.0 / 31.0;

// y += weight (x - y), from the x before the first weight.
class WeightedAverage final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    if (block.first == 0) value_ = block.in[0][-1];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      value_ = forget(value_ + block.in[1][i] * (block.in[0][i] - value_));
      block.out[0][i] = value_;
    }
  }
  void state(StateArchive& archive) override { archive(value_); }

 private:
  double value_ = 0;
};

// What leads, carried on by its lead over what lags.
NodeRef carried_on(GraphBuilder& graph, NodeRef leading, NodeRef lagging) {
  return pointwise(graph, "carried_on", {leading, lagging}, [](const double* const* in, std::ptrdiff_t i) {
    return in[0][i] + (in[0][i] - in[1][i]);
  });
}

// The largest whole number whose square is at most `n`.
std::int64_t whole_root(std::int64_t n) noexcept {
  std::int64_t root = 0;
  while ((root + 1) * (root + 1) <= n) ++root;
  return root;
}

constexpr double kUsualFactor = 0.7;  // of T3: Tillson's, and TA-Lib's where a choice of average has none

}  // namespace

ParamInfo average_type_param(std::string_view name, AverageType default_value, std::string_view summary) {
  return {
      .name = name,
      .min = 0,
      .max = 13,
      .default_value = static_cast<double>(default_value),
      .summary = summary,
      .choices =
          {
              {0, "SMA", "window - 1"},
              {1, "EMA", "window - 1"},
              {2, "WMA", "window - 1"},
              {3, "DEMA", "2 * (window - 1)"},
              {4, "TEMA", "3 * (window - 1)"},
              {5, "TRIMA", "window - 1"},
              {6, "KAMA", "window if window > 1 else 0"},
              {7, "MAMA", "",
               "it takes no window and never forgets its start; give a feature of op MAMA as source instead"},
              {8, "T3 with a v_factor of 0.7", "6 * (window - 1)"},
              {9, "HMA", "window + isqrt(window) - 2"},
              {10, "no average: the value itself", "0"},
              {11, "the function's own default", "",
               "it is another name of the default, with another hash; leave the parameter out instead"},
              {12, "ZLEMA", "window - 1 + (window - 1) // 2"},
              {13, "RMA, Wilder's", "window - 1"},
          },
  };
}

NodeRef moving_average(GraphBuilder& graph, NodeRef x, std::int64_t window, AverageType type) {
  if (window == 1) return x;
  switch (type) {
    case AverageType::sma:
      return sma(graph, x, window);
    case AverageType::ema:
      return ema(graph, x, window);
    case AverageType::wma:
      return wma(graph, x, window);
    case AverageType::dema:
      return dema(graph, x, window);
    case AverageType::tema:
      return tema(graph, x, window);
    case AverageType::trima:
      return trima(graph, x, window);
    case AverageType::kama:
      return kama(graph, x, window);
    case AverageType::t3:
      return t3(graph, x, window, kUsualFactor);
    case AverageType::hma:
      return hma(graph, x, window);
    case AverageType::zlema:
      return zlema(graph, x, window);
    case AverageType::rma:
      return wilder(graph, x, window);
    case AverageType::none:
    case AverageType::mama:
    case AverageType::of_function:
      break;
  }
  return x;
}

NodeRef sma(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return window_fold(graph, "mean", {x}, window, MeanFold{1.0 / static_cast<double>(window)});
}

NodeRef wma(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return window_fold(graph, "linear_weights", {x}, window, LinearWeightsFold{static_cast<double>(window)});
}

NodeRef trima(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return sma(graph, sma(graph, x, window / 2 + 1), (window + 1) / 2);
}

NodeRef dema(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const NodeRef once = ema(graph, x, window);
  return carried_on(graph, once, ema(graph, once, window));
}

NodeRef tema(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const NodeRef once = ema(graph, x, window);
  const NodeRef twice = ema(graph, once, window);
  return pointwise(
      graph, "tema", {once, twice, ema(graph, twice, window)},
      [](const double* const* in, std::ptrdiff_t i) { return in[2][i] + 3.0 * (in[0][i] - in[1][i]); });
}

NodeRef t3(GraphBuilder& graph, NodeRef x, std::int64_t window, double v_factor) {
  std::vector<NodeRef> averages;
  for (int times = 1; times <= 6; ++times) {
    x = ema(graph, x, window);
    if (times >= 3) averages.push_back(x);
  }
  return pointwise(graph, "t3", std::move(averages),
                   [v_factor](const double* const* in, std::ptrdiff_t i) {
                     const auto carried = [v_factor](double a, double b) { return a + v_factor * (a - b); };
                     const double first = carried(in[0][i], in[1][i]), second = carried(in[1][i], in[2][i]),
                                  third = carried(in[2][i], in[3][i]);
                     return carried(carried(first, second), carried(second, third));
                   },
                   0, {v_factor});
}

NodeRef hma(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const std::int64_t half = window / 2, smoothing = whole_root(window);
  const NodeRef ahead = carried_on(graph, moving_average(graph, x, half, AverageType::wma),
                                   moving_average(graph, x, window, AverageType::wma));
  return moving_average(graph, ahead, smoothing, AverageType::wma);
}

NodeRef zlema(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return ema(graph, carried_on(graph, x, delayed(graph, x, (window - 1) / 2)), window);
}

NodeRef kama(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const NodeRef way = magnitude(graph, change(graph, x, window));
  const NodeRef path = window_sum(graph, magnitude(graph, change(graph, x, 1)), window);
  const NodeRef weight =
      pointwise(graph, "kama_weight", {way, path}, [](const double* const* in, std::ptrdiff_t i) {
        const double straight = in[1][i] > 0.0 ? smaller(in[0][i] / in[1][i], 1.0) : 1.0;
        const double root = kSlowest + straight * (kFastest - kSlowest);
        return root * root;
      });
  // However crooked the way, it forgets as the slowest does.
  return graph.add({"weighted_average", {}, {x, weight}},
                   {.lag = {1, 0}, .settle = forgetting_rows(kSlowest * kSlowest)},
                   [] { return std::make_unique<WeightedAverage>(); });
}

}  // namespace sentio
