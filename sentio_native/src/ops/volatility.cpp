// VOLATILITY, STDDEV, VAR: how far the last `window` values are spread.
#include <cmath>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_volatility(Lowering& op) {
  return pointwise(op.graph(), "root", {moments(op.graph(), op.in(0), op.integer("window")).variance},
                   [](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i]); });
}

NodeRef lower_deviations(Lowering& op) {
  const double k = op.real("k");
  return pointwise(op.graph(), "deviations", {lower_volatility(op)},
                   [k](const double* const* in, std::ptrdiff_t i) { return k * in[0][i]; }, 0, {k});
}

NodeRef lower_variance(Lowering& op) {
  return pointwise(op.graph(), "held", {moments(op.graph(), op.in(0), op.integer("window")).variance},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i]); });
}

}  // namespace

std::vector<OpInfo> volatility() {
  return {
      {
          .name = "VOLATILITY",
          .version = 3,
          .summary = "Population standard deviation of the last `window` values, not annualised",
          .definition = "the square root of the mean squared deviation from the mean; TA-Lib STDDEV",
          .sources = {"logret"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "STDDEV(timeperiod=window)",
          .lower = lower_volatility,
      },
      {
          .name = "STDDEV",
          .version = 2,
          .summary = "`k` population standard deviations of the last `window` values",
          .definition = "VOLATILITY times k; TA-Lib STDDEV",
          .sources = {"close"},
          .params = {window_param(5), {"k", ParamType::real, 0.01, 100, 1, "deviations"}},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "STDDEV(timeperiod=window, nbdev=k)",
          .lower = lower_deviations,
      },
      {
          .name = "VAR",
          .version = 2,
          .summary = "Population variance of the last `window` values",
          .definition =
              "the mean squared deviation from the mean; TA-Lib VAR, which has no use for its nbdev",
          .sources = {"close"},
          .params = {window_param(5)},
          .warmup = "window - 1",
          .neutral = "held within 1e60",
          .scale = "source^2",
          .talib = "VAR(timeperiod=window)",
          .lower = lower_variance,
      },
  };
}

}  // namespace sentio::ops
