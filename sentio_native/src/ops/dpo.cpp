// DPO: the detrended price oscillator.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_dpo(Lowering& op) {
  const auto window = op.integer("window"), back = window / 2 + 1;
  return pointwise(
      op.graph(), "value_before_less_mean", {op.in(0), moments(op.graph(), op.in(0), window).mean},
      [back](const double* const* in, std::ptrdiff_t i) { return in[0][i - back] - in[1][i]; }, {back, 0});
}

}  // namespace

std::vector<OpInfo> dpo() {
  return {{
      .name = "DPO",
      .summary =
          "Detrended price oscillator: the value of window / 2 + 1 bars ago minus the mean of the last "
          "`window`",
      .definition =
          "Achelis, Technical Analysis from A to Z, 2nd ed. (2001): x[-(window / 2 + 1)] - SMA, the "
          "half rounded down, which looks at no later bar; TA-Lib DPO",
      .sources = {"close"},
      .params = {window_param(20)},
      .warmup = "max(window - 1, window // 2 + 1)",
      .scale = "source",
      .talib = "DPO(timeperiod=window)",
      .lower = lower_dpo,
  }};
}

}  // namespace sentio::ops
