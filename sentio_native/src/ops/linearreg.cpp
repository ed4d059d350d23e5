// LINEARREG_SLOPE, LINEARREG_R2: the least-squares line through the last `window` values.
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
  Value join(const Value& a, const Value& b) const noexcept {
    return {a.sum + b.sum, a.squares + b.squares, a.by_time + b.by_time};
  }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    const double middle = static_cast<double>(i - anchor) - (window - 1.0) / 2.0;
    const double covariation = all.by_time - middle * all.sum;
    const double of_time = window * (window * window - 1.0) / 12.0;
    const double of_values = all.squares - all.sum * all.sum / window;
    out[0][i] = covariation / of_time;
    out[1][i] = of_values > 0.0 ? smaller(covariation / of_values * (covariation / of_time), 1.0) : 0.0;
  }
};

NodeRef line(Lowering& op, int output) {
  const auto window = op.integer("window");
  const NodeRef node =
      window_fold(op.graph(), "line", {op.in(0)}, window, LineFold{static_cast<double>(window)}, 2);
  return {node.node, output};
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
          .lower = [](Lowering& op) { return line(op, 0); },
      },
      {
          .name = "LINEARREG_R2",
          .summary = "Share of the variance that the least-squares line explains, 0 to 1",
          .definition = "the coefficient of determination; qlib Alpha158, RSQR",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .neutral = "0 in a flat window",
          .lower = [](Lowering& op) { return line(op, 1); },
      },
  };
}

}  // namespace sentio::ops
