// The joint moments of two series over their last rows: correlation, and slope of the second on the first.
#pragma once

#include <cmath>

#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {

// Moments of both series about their values at the anchor.
struct JointFold {
  struct Value {
    double a, b, aa, bb, ab;
  };
  double window;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double a = in[0][i] - in[0][anchor], b = in[1][i] - in[1][anchor];
    return {a, b, a * a, b * b, a * b};
  }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t, const Value& all,
              double* const* out) const noexcept {
    const double aa = all.aa - all.a * all.a / window;
    const double bb = all.bb - all.b * all.b / window;
    const double ab = all.ab - all.a * all.b / window;
    // Root by root: the product of two small variances may be too small for a double.
    out[0][i] = aa > 0.0 && bb > 0.0 ? larger(smaller(ab / std::sqrt(aa) / std::sqrt(bb), 1.0), -1.0) : 0.0;
    out[1][i] = aa > 0.0 ? held(ab / aa) : 0.0;
  }
};

struct Joint {
  NodeRef correlation, slope;  // of b on a
};

[[nodiscard]] inline Joint joint_moments(GraphBuilder& graph, NodeRef a, NodeRef b, std::int64_t window) {
  const int node =
      window_fold(graph, "joint", {a, b}, window, JointFold{static_cast<double>(window)}, 2).node;
  return {{node, 0}, {node, 1}};
}

}  // namespace sentio::ops
