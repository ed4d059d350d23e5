// BOLLINGER_UPPER, BOLLINGER_MIDDLE, BOLLINGER_LOWER: a moving average and bands `k` deviations from it.
#include <cmath>

#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The middle, and the variance about the window's mean, whichever average the middle is.
Moments middle_and_variance(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const std::int64_t window = op.integer("window");
  Moments m = moments(graph, op.in(0), window);
  const auto type = static_cast<AverageType>(op.integer("ma_type"));
  if (type != AverageType::sma) m.mean = moving_average(graph, op.in(0), window, type);
  return m;
}

NodeRef lower_band(Lowering& op, double k) {
  const Moments m = middle_and_variance(op);
  return pointwise(
      op.graph(), "bollinger", {m.mean, m.variance},
      [k](const double* const* in, std::ptrdiff_t i) { return in[0][i] + k * std::sqrt(in[1][i]); }, 0, {k});
}

// It waits for the bands, so that all three begin at one row.
NodeRef lower_middle(Lowering& op) {
  const Moments m = middle_and_variance(op);
  GraphBuilder& graph = op.graph();
  const std::int64_t ahead = graph.node(m.variance).valid - graph.node(m.mean).valid;
  return ahead > 0 ? waiting(graph, m.mean, ahead) : m.mean;
}

OpInfo band(std::string_view name, std::string_view summary, std::string_view talib,
            NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .version = 2,
      .summary = summary,
      .definition =
          "Bollinger, Bollinger on Bollinger Bands (2001), with the population deviation from the mean, as "
          "TA-Lib BBANDS has it for every average, but for the start of the averages made of EMA",
      .sources = {"close"},
      .params = {window_param(20),
                 {"k", ParamType::real, 0.01, 100, 2, "deviations from the middle to a band"},
                 average_type_param("ma_type", AverageType::sma, "which middle, by TA-Lib's number")},
      .warmup = "max(average_warmup(window, ma_type), window - 1)",
      .memory = Memory::decaying,
      .scale = "source",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> bollinger() {
  return {
      band("BOLLINGER_UPPER",
           "Upper Bollinger band: the average + k population deviations of the last `window` values",
           "BBANDS(timeperiod=window, nbdevup=k, nbdevdn=k, matype=ma_type).upperband",
           [](Lowering& op) { return lower_band(op, op.real("k")); }),
      band("BOLLINGER_MIDDLE",
           "Middle Bollinger band: the average of the last `window` values, whatever `k` is",
           "BBANDS(timeperiod=window, nbdevup=k, nbdevdn=k, matype=ma_type).middleband", lower_middle),
      band("BOLLINGER_LOWER",
           "Lower Bollinger band: the average - k population deviations of the last `window` values",
           "BBANDS(timeperiod=window, nbdevup=k, nbdevdn=k, matype=ma_type).lowerband",
           [](Lowering& op) { return lower_band(op, -op.real("k")); }),
  };
}

}  // namespace sentio::ops
