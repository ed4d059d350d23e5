// BOLLINGER_UPPER, BOLLINGER_MIDDLE, BOLLINGER_LOWER: a moving average and bands `k` deviations from it.
#include <cmath>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_band(Lowering& op, double k) {
  const Moments m = moments(op.graph(), op.in(0), op.integer("window"));
  return pointwise(
      op.graph(), "bollinger", {m.mean, m.variance},
      [k](const double* const* in, std::ptrdiff_t i) { return in[0][i] + k * std::sqrt(in[1][i]); }, 0, {k});
}

OpInfo band(std::string_view name, std::string_view summary, std::string_view talib,
            NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .version = 2,
      .summary = summary,
      .definition =
          "Bollinger, Bollinger on Bollinger Bands (2001), with the population deviation; TA-Lib BBANDS",
      .sources = {"close"},
      .params = {window_param(20),
                 {"k", ParamType::real, 0.01, 100, 2, "deviations from the middle to a band"}},
      .warmup = "window - 1",
      .scale = "source",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> bollinger() {
  return {
      band("BOLLINGER_UPPER",
           "Upper Bollinger band: mean + k population deviations of the last `window` values",
           "BBANDS(timeperiod=window, nbdevup=k, nbdevdn=k).upperband",
           [](Lowering& op) { return lower_band(op, op.real("k")); }),
      band("BOLLINGER_MIDDLE", "Middle Bollinger band: the mean of the last `window` values, whatever `k` is",
           "BBANDS(timeperiod=window, nbdevup=k, nbdevdn=k).middleband",
           [](Lowering& op) { return moments(op.graph(), op.in(0), op.integer("window")).mean; }),
      band("BOLLINGER_LOWER",
           "Lower Bollinger band: mean - k population deviations of the last `window` values",
           "BBANDS(timeperiod=window, nbdevup=k, nbdevdn=k).lowerband",
           [](Lowering& op) { return lower_band(op, -op.real("k")); }),
  };
}

}  // namespace sentio::ops
