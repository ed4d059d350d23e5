// LINEARREG and its kin: the least-squares line through the last `window` values.
#include "kernels/portable_math.hpp"
#include "ops/least_squares.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

Line line(Lowering& op) {
  return least_squares_line(op.graph(), op.in(0), op.integer("window"));
}

// The line's value `ahead` bars after the window's last.
NodeRef value_ahead(Lowering& op, std::int64_t ahead) {
  const double half = (static_cast<double>(op.integer("window")) - 1.0) / 2.0;
  return value_on_line(op.graph(), line(op), half + static_cast<double>(ahead));
}

NodeRef lower_angle(Lowering& op) {
  return pointwise(op.graph(), "angle", {line(op).slope}, [](const double* const* in, std::ptrdiff_t i) {
    return portable_atan(in[0][i]) * (180.0 / kPi);
  });
}

}  // namespace

std::vector<OpInfo> linearreg() {
  return {
      {
          .name = "LINEARREG_SLOPE",
          .version = 2,
          .summary = "Slope a bar of the least-squares line through the last `window` values",
          .definition = "TA-Lib LINEARREG_SLOPE",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "LINEARREG_SLOPE(timeperiod=window)",
          .lower = [](Lowering& op) { return line(op).slope; },
      },
      {
          .name = "LINEARREG_ANGLE",
          .version = 2,
          .summary = "Angle in degrees of the slope a bar, -90 to 90: it changes with the unit of the prices",
          .definition = "TA-Lib LINEARREG_ANGLE",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "90",
          .homogeneous = false,
          .talib = "LINEARREG_ANGLE(timeperiod=window)",
          .lower = lower_angle,
      },
      {
          .name = "LINEARREG",
          .version = 2,
          .summary =
              "Where the least-squares line through the last `window` values stands at the last of them",
          .definition = "TA-Lib LINEARREG",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "LINEARREG(timeperiod=window)",
          .lower = [](Lowering& op) { return value_ahead(op, 0); },
      },
      {
          .name = "LINEARREG_INTERCEPT",
          .version = 2,
          .summary =
              "Where the least-squares line through the last `window` values stands at the first of them",
          .definition = "TA-Lib LINEARREG_INTERCEPT",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "LINEARREG_INTERCEPT(timeperiod=window)",
          .lower = [](Lowering& op) { return value_ahead(op, 1 - op.integer("window")); },
      },
      {
          .name = "TSF",
          .version = 2,
          .summary =
              "Time series forecast: the least-squares line through the last `window` values, one bar on",
          .definition = "TA-Lib TSF",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "TSF(timeperiod=window)",
          .lower = [](Lowering& op) { return value_ahead(op, 1); },
      },
      {
          .name = "LINEARREG_RESIDUAL",
          .version = 2,
          .summary = "The value less where the least-squares line through the last `window` stands at it",
          .definition = "the residual of the last value: x - LINEARREG; qlib Alpha158, RESI",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .lower = [](Lowering& op) { return line(op).residual; },
      },
      {
          .name = "LINEARREG_R2",
          .version = 2,
          .summary = "Share of the variance that the least-squares line explains, 0 to 1",
          .definition = "the coefficient of determination; qlib Alpha158, RSQR",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .neutral = "0 in a flat window",
          .lower = [](Lowering& op) { return line(op).r2; },
      },
  };
}

}  // namespace sentio::ops
