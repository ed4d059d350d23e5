// SUM, ROLLING_MAX, ROLLING_MIN, ARGMAX, ARGMIN, SAMPLE_DEVIATION: plain statistics of a window.
#include <cmath>

#include "kernels/extreme_age.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_sum(Lowering& op) {
  return pointwise(op.graph(), "held", {window_sum(op.graph(), op.in(0), op.integer("window"))},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i]); });
}

NodeRef lower_sample_deviation(Lowering& op) {
  const auto window = op.integer("window");
  const double correction = static_cast<double>(window) / static_cast<double>(window - 1);
  return pointwise(
      op.graph(), "sample_deviation", {moments(op.graph(), op.in(0), window).variance},
      [correction](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i] * correction); }, 0,
      {correction});
}

}  // namespace

std::vector<OpInfo> rolling() {
  return {
      {
          .name = "SUM",
          .version = 2,
          .summary = "Sum of the last `window` values",
          .definition = "TA-Lib SUM",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .neutral = "held within 1e60",
          .scale = "source",
          .talib = "SUM(timeperiod=window)",
          .lower = lower_sum,
      },
      {
          .name = "ROLLING_MAX",
          .summary = "Largest of the last `window` values",
          .definition = "TA-Lib MAX, MINMAX",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "MAX(timeperiod=window)",
          .lower = [](Lowering& op) { return highest(op.graph(), op.in(0), op.integer("window")); },
      },
      {
          .name = "ROLLING_MIN",
          .summary = "Smallest of the last `window` values",
          .definition = "TA-Lib MIN, MINMAX",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "MIN(timeperiod=window)",
          .lower = [](Lowering& op) { return lowest(op.graph(), op.in(0), op.integer("window")); },
      },
      {
          .name = "ARGMAX",
          .summary = "Bars since the largest of the last `window` values, the first of equal ones",
          .definition = "qlib Alpha158, IMAX, which is 1 - ARGMAX / window; TA-Lib MAXINDEX, MINMAXINDEX as "
                        "bars ago, which of "
                        "equal values takes now the first and now the last",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .talib = "MAXINDEX(timeperiod=window)",
          .lower =
              [](Lowering& op) {
                return highest_age<Ties::first>(op.graph(), op.in(0), op.integer("window"));
              },
      },
      {
          .name = "ARGMIN",
          .summary = "Bars since the smallest of the last `window` values, the first of equal ones",
          .definition = "qlib Alpha158, IMIN, which is 1 - ARGMIN / window; TA-Lib MININDEX, MINMAXINDEX as "
                        "bars ago, which of "
                        "equal values takes now the first and now the last",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .talib = "MININDEX(timeperiod=window)",
          .lower =
              [](Lowering& op) {
                return lowest_age<Ties::first>(op.graph(), op.in(0), op.integer("window"));
              },
      },
      {
          .name = "SAMPLE_DEVIATION",
          .version = 2,
          .summary = "Standard deviation of the last `window` values as a sample: over window - 1 of them",
          .definition = "the root of the sum of squared deviations from the mean over window - 1",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .scale = "source",
          .lower = lower_sample_deviation,
      },
  };
}

}  // namespace sentio::ops
