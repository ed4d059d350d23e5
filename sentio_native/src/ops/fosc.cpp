// FOSC: Chande's forecast oscillator.
#include "ops/least_squares.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The forecast is last bar's line, a bar on. What is missed is told by differences alone: from the value
// before, and from that value to the line.
NodeRef lower_fosc(Lowering& op) {
  const Line fitted = least_squares_line(op.graph(), op.in(0), op.integer("window"));
  const NodeRef above_forecast =
      pointwise(op.graph(), "difference", {fitted.residual, fitted.slope},
                [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
  return pointwise(
      op.graph(), "forecast_miss", {op.in(0), above_forecast},
      [](const double* const* in, std::ptrdiff_t i) {
        const double x = in[0][i];
        const double missed = (x - in[0][i - 1]) + in[1][i - 1];
        return x != 0.0 ? held(100.0 * (missed / x)) : 0.0;
      },
      1);
}

}  // namespace

std::vector<OpInfo> fosc() {
  return {{
      .name = "FOSC",
      .summary = "Forecast oscillator: the value minus what the line through the `window` values before it "
                 "forecast, in percent of the value",
      .definition = "Chande and Kroll, The New Technical Trader (1994): 100 (x - TSF[-1]) / x; TA-Lib FOSC",
      .sources = {"close"},
      .params = {window_param(5, 2, "values that the line is fitted to, the current one not included")},
      .warmup = "window",
      .neutral = "0 where the value is 0; held within 1e60",
      .scale = "100",
      .talib = "FOSC(timeperiod=window)",
      .lower = lower_fosc,
  }};
}

}  // namespace sentio::ops
