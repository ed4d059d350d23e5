// EMA: the exponential moving average.
#include "ops/op_file.hpp"

namespace sentio::ops {

std::vector<OpInfo> ema() {
  return {{
      .name = "EMA",
      .summary = "Exponential moving average with alpha = 2 / (window + 1), from the first value",
      .definition = "pandas, Series.ewm(span=window, adjust=False).mean(); TA-Lib EMA but for its start",
      .sources = {"close"},
      .params = {window_param(30)},
      .warmup = "window - 1",
      .memory = Memory::decaying,
      .scale = "source",
      .talib = "EMA(timeperiod=window)",
      .lower = [](Lowering& op) { return sentio::ema(op.graph(), op.in(0), op.integer("window")); },
  }};
}

}  // namespace sentio::ops
