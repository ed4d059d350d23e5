// SMA: the plain moving average.
#include "ops/op_file.hpp"

namespace sentio::ops {

std::vector<OpInfo> sma() {
  return {{
      .name = "SMA",
      .version = 2,
      .summary = "Simple moving average: the mean of the last `window` values",
      .definition = "TA-Lib SMA",
      .sources = {"close"},
      .params = {window_param(30)},
      .warmup = "window - 1",
      .scale = "source",
      .talib = "SMA(timeperiod=window)",
      .lower = [](Lowering& op) { return moments(op.graph(), op.in(0), op.integer("window")).mean; },
  }};
}

}  // namespace sentio::ops
