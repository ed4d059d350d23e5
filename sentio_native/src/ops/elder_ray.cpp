// ERI_BULL, ERI_BEAR: Elder's ray, how far a bar reaches beyond an average of closes.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Inputs: the extreme, the close.
NodeRef lower_power(Lowering& op) {
  return pointwise(op.graph(), "difference",
                   {op.in(0), sentio::ema(op.graph(), op.in(1), op.integer("window"))},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

OpInfo power(std::string_view name, std::string_view summary, std::string_view extreme,
             std::string_view talib) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Elder, Trading for a Living (1993); TA-Lib ERI but for the average's start, which is that of EMA",
      .columns = {extreme, "close"},
      .params = {window_param(13, 2, "span of the average")},
      .warmup = "window - 1",
      .memory = Memory::decaying,
      .scale = "close",
      .talib = talib,
      .lower = lower_power,
  };
}

}  // namespace

std::vector<OpInfo> elder_ray() {
  return {
      power("ERI_BULL", "Bull power: the high minus the EMA of closes over `window`", "high",
            "ERI(timeperiod=window).bullpower"),
      power("ERI_BEAR", "Bear power: the low minus the EMA of closes over `window`", "low",
            "ERI(timeperiod=window).bearpower"),
  };
}

}  // namespace sentio::ops
