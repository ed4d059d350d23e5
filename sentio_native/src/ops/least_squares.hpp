// The least-squares line through the last rows of a series.
#pragma once

#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {

// Sums about the anchor, in value and in time.
struct LineFold {
  struct Value {
    double sum, squares, by_time;
  };
  static constexpr std::size_t kOutputs = 4;
  explicit LineFold(double window)
      : per_row(1.0 / window),
        half((window - 1.0) / 2.0),
        per_time(12.0 / (window * (window * window - 1.0))) {}
  double per_row, half;  // from the window's middle to its newest row
  double per_time;       // one over the sum of squared times about the middle

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double d = in[0][i] - in[0][anchor];
    return {d, d * d, d * static_cast<double>(i - anchor)};
  }
  Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    const double step = in[0][from] - in[0][to], lag = static_cast<double>(to - from);
    const double sum = v.sum + rows * step;
    const double times = rows * (rows - 1.0) * -0.5;  // of all rows, as `from` counts them
    return {sum, v.squares + step * (v.sum + sum), v.by_time + (step * times - lag * sum)};
  }
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    const double middle = static_cast<double>(i - anchor) - half, mean = all.sum * per_row;
    const double covariation = all.by_time - middle * all.sum;
    const double slope = covariation * per_time;
    const double of_values = all.squares - all.sum * mean;
    const double r2 = smaller(covariation / of_values * slope, 1.0);
    out[0][i] = slope;
    out[1][i] = of_values > 0.0 ? r2 : 0.0;
    out[2][i] = in[0][anchor] + mean;
    out[3][i] = (in[0][i] - in[0][anchor]) - mean - half * slope;
  }
};

struct Line {
  NodeRef slope, r2, mean;
  NodeRef residual;  // of the newest, without the digits that a mean of 1e6 would cost it
};

[[nodiscard]] inline Line least_squares_line(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const int node = window_fold(graph, "line", {x}, window, LineFold{static_cast<double>(window)}).node;
  return {{node, 0}, {node, 1}, {node, 2}, {node, 3}};
}

// The line `from_middle` rows after the window's middle, where it passes through the mean.
[[nodiscard]] inline NodeRef value_on_line(GraphBuilder& graph, const Line& fitted, double from_middle) {
  return pointwise(
      graph, "value_on_line", {fitted.mean, fitted.slope},
      [from_middle](const double* const* in, std::ptrdiff_t i) { return in[0][i] + from_middle * in[1][i]; },
      0, {from_middle});
}

}  // namespace sentio::ops
