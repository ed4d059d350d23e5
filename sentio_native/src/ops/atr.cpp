// ATR: Wilder's average true range.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_atr(Lowering& op) {
  return wilder(op.graph(), true_range(op.graph(), op.in(0), op.in(1), op.in(2)), op.integer("window"));
}

}  // namespace

std::vector<OpInfo> atr() {
  return {{
      .name = "ATR",
      .summary = "Average true range: Wilder's average of max(high, close[-1]) - min(low, close[-1])",
      .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib ATR",
      .columns = {"high", "low", "close"},
      .params = {window_param(14, 1)},
      .warmup = "window",
      .memory = Memory::decaying,
      .scale = "close",
      .talib = "ATR(timeperiod=window)",
      .lower = lower_atr,
  }};
}

}  // namespace sentio::ops
