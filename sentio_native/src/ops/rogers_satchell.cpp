// ROGERS_SATCHELL: volatility from open, high, low and close, whatever the drift.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_rogers_satchell(Lowering& op) {
  // Both products are of two numbers of one sign, so the sum is nowhere negative.
  const NodeRef variance =
      pointwise(op.graph(), "rogers_satchell_bar", {op.in(0), op.in(1), op.in(2), op.in(3)},
                [](const double* const* in, std::ptrdiff_t i) {
                  const double open = in[0][i], high = in[1][i], low = in[2][i], close = in[3][i];
                  return portable_log(high / close) * portable_log(high / open) +
                         portable_log(low / close) * portable_log(low / open);
                });
  const auto window = op.integer("window");
  const auto count = static_cast<double>(window);
  return pointwise(op.graph(), "root_mean", {window_sum(op.graph(), variance, window)},
                   [count](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i] / count); },
                   0, {count});
}

}  // namespace

std::vector<OpInfo> rogers_satchell() {
  return {{
      .name = "ROGERS_SATCHELL",
      .summary =
          "Volatility a bar, independent of drift: root of the mean of ln(h/c) ln(h/o) + ln(l/c) ln(l/o)",
      .definition = "Rogers and Satchell, Estimating variance from high, low and closing prices (1991)",
      .columns = {"open", "high", "low", "close"},
      .params = {window_param(20, 1)},
      .warmup = "window - 1",
      .lower = lower_rogers_satchell,
  }};
}

}  // namespace sentio::ops
