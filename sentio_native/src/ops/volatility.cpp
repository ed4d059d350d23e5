// VOLATILITY: the standard deviation of a series, of log returns unless told otherwise.
#include <cmath>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_volatility(Lowering& op) {
  return pointwise(op.graph(), "root", {moments(op.graph(), op.in(0), op.integer("window")).variance},
                   [](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i]); });
}

}  // namespace

std::vector<OpInfo> volatility() {
  return {{
      .name = "VOLATILITY",
      .summary = "Population standard deviation of the last `window` values, not annualised",
      .definition = "the square root of the mean squared deviation from the mean; TA-Lib STDDEV",
      .sources = {"logret"},
      .params = {window_param(20)},
      .warmup = "window - 1",
      .scale = "source",
      .talib = "STDDEV(timeperiod=window)",
      .lower = lower_volatility,
  }};
}

}  // namespace sentio::ops
