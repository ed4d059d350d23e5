// The joint moments of two series over their last rows: correlation, and slope of the second on the first.
#pragma once

#include <cmath>

#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {

// Sums of both series about their values at the anchor.
struct JointSums {
  struct Value {
    double a, b, aa, bb, ab;
  };
  double per_row;  // 1 / window

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double a = in[0][i] - in[0][anchor], b = in[1][i] - in[1][anchor];
    return {a, b, a * a, b * b, a * b};
  }
  Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    const double a_step = in[0][from] - in[0][to], b_step = in[1][from] - in[1][to];
    const double a = v.a + rows * a_step, b = v.b + rows * b_step;
    return {a, b, v.aa + a_step * (v.a + a), v.bb + b_step * (v.b + b), v.ab + (a_step * v.b + b_step * a)};
  }
};

// A statistic of the sums of squares and of products about the means.
template <double (*statistic)(double aa, double bb, double ab) noexcept>
struct JointFold : JointSums {
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t, const Value& all,
              double* const* out) const noexcept {
    const double mean_a = all.a * per_row, mean_b = all.b * per_row;
    out[0][i] = statistic(all.aa - all.a * mean_a, all.bb - all.b * mean_b, all.ab - all.a * mean_b);
  }
};

inline double correlation_of(double aa, double bb, double ab) noexcept {
  // Root by root: the product of two small variances may be too small for a double.
  const double correlation = larger(smaller(ab / std::sqrt(aa) / std::sqrt(bb), 1.0), -1.0);
  return aa > 0.0 && bb > 0.0 ? correlation : 0.0;
}

inline double slope_of(double aa, double, double ab) noexcept {
  const double slope = held(ab / aa);
  return aa > 0.0 ? slope : 0.0;
}

[[nodiscard]] inline NodeRef correlation_in(GraphBuilder& graph, NodeRef a, NodeRef b, std::int64_t window) {
  return window_fold(graph, "correlation", {a, b}, window,
                     JointFold<correlation_of>{{1.0 / static_cast<double>(window)}});
}

// Of b on a.
[[nodiscard]] inline NodeRef slope_in(GraphBuilder& graph, NodeRef a, NodeRef b, std::int64_t window) {
  return window_fold(graph, "slope", {a, b}, window,
                     JointFold<slope_of>{{1.0 / static_cast<double>(window)}});
}

}  // namespace sentio::ops
