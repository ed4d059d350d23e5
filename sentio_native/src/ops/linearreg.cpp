// LINEARREG and its kin: the least-squares line through the last `window` values.
#include "kernels/portable_math.hpp"
#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Sums about the anchor, in value and in time.
struct LineFold {
  struct Value {
    double sum, squares, by_time;
  };
  double window;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double d = in[0][i] - in[0][anchor];
    return {d, d * d, d * static_cast<double>(i - anchor)};
  }
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    const double middle = static_cast<double>(i - anchor) - (window - 1.0) / 2.0;
    const double covariation = all.by_time - middle * all.sum;
    const double of_time = window * (window * window - 1.0) / 12.0;
    const double of_values = all.squares - all.sum * all.sum / window;
    out[0][i] = covariation / of_time;
    out[1][i] = of_values > 0.0 ? smaller(covariation / of_values * (covariation / of_time), 1.0) : 0.0;
    out[2][i] = in[0][anchor] + all.sum / window;
    out[3][i] = (in[0][i] - in[0][anchor]) - all.sum / window - (window - 1.0) / 2.0 * out[0][i];
  }
};

struct Line {
  NodeRef slope, r2, mean;
  NodeRef residual;  // of the newest, without the digits that a mean of 1e6 would cost it
};

Line line(Lowering& op) {
  const auto window = op.integer("window");
  const int node =
      window_fold(op.graph(), "line", {op.in(0)}, window, LineFold{static_cast<double>(window)}, 4).node;
  return {{node, 0}, {node, 1}, {node, 2}, {node, 3}};
}

// The line's value `ahead` bars after the window's last: it passes through the mean in the window's middle.
NodeRef value_on_line(Lowering& op, std::int64_t ahead) {
  const Line fitted = line(op);
  const double from_middle =
      (static_cast<double>(op.integer("window")) - 1.0) / 2.0 + static_cast<double>(ahead);
  return pointwise(
      op.graph(), "value_on_line", {fitted.mean, fitted.slope},
      [from_middle](const double* const* in, std::ptrdiff_t i) { return in[0][i] + from_middle * in[1][i]; },
      0, {from_middle});
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
          .summary =
              "Where the least-squares line through the last `window` values stands at the last of them",
          .definition = "TA-Lib LINEARREG",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "LINEARREG(timeperiod=window)",
          .lower = [](Lowering& op) { return value_on_line(op, 0); },
      },
      {
          .name = "LINEARREG_INTERCEPT",
          .summary =
              "Where the least-squares line through the last `window` values stands at the first of them",
          .definition = "TA-Lib LINEARREG_INTERCEPT",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "LINEARREG_INTERCEPT(timeperiod=window)",
          .lower = [](Lowering& op) { return value_on_line(op, 1 - op.integer("window")); },
      },
      {
          .name = "TSF",
          .summary =
              "Time series forecast: the least-squares line through the last `window` values, one bar on",
          .definition = "TA-Lib TSF",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "TSF(timeperiod=window)",
          .lower = [](Lowering& op) { return value_on_line(op, 1); },
      },
      {
          .name = "LINEARREG_RESIDUAL",
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
