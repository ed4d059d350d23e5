// AVGDEV: the mean absolute deviation.
#include "kernels/order_statistics.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {

std::vector<OpInfo> avgdev() {
  return {{
      .name = "AVGDEV",
      .summary = "Mean distance of the last `window` values from their mean",
      .definition = "the mean absolute deviation; TA-Lib AVGDEV",
      .sources = {"close"},
      .params = {window_param(14)},
      .warmup = "window - 1",
      .scale = "source",
      .talib = "AVGDEV(timeperiod=window)",
      .lower =
          [](Lowering& op) { return absolute_deviation(op.graph(), op.in(0), op.integer("window")).mean; },
  }};
}

}  // namespace sentio::ops
