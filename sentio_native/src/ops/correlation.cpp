// CORREL, AUTOCORRELATION, BETA: how two series move together, and a series with its own past.
#include <cmath>

#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

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

Joint joint(GraphBuilder& graph, NodeRef a, NodeRef b, std::int64_t window) {
  const int node =
      window_fold(graph, "joint", {a, b}, window, JointFold{static_cast<double>(window)}, 2).node;
  return {{node, 0}, {node, 1}};
}

NodeRef lower_autocorrelation(Lowering& op) {
  const NodeRef past = delayed(op.graph(), op.in(0), op.integer("lag"));
  return joint(op.graph(), op.in(0), past, op.integer("window")).correlation;
}

// A source may hold zeros; its change has no share there.
NodeRef relative_change(GraphBuilder& graph, NodeRef x) {
  return pointwise(
      graph, "relative_change", {x},
      [](const double* const* in, std::ptrdiff_t i) {
        const double before = in[0][i - 1];
        return before != 0.0 ? held((in[0][i] - before) / before) : 0.0;
      },
      1);
}

NodeRef lower_beta(Lowering& op) {
  const NodeRef market = relative_change(op.graph(), op.in(0)), asset = relative_change(op.graph(), op.in(1));
  return joint(op.graph(), market, asset, op.integer("window")).slope;
}

}  // namespace

std::vector<OpInfo> correlation() {
  return {
      {
          .name = "CORREL",
          .summary = "Pearson's correlation of two series over the last `window` bars, -1 to 1",
          .definition = "TA-Lib CORREL",
          .sources = {"high", "low"},
          .params = {window_param(30)},
          .warmup = "window - 1",
          .neutral = "0 where one of them is flat",
          .talib = "CORREL(timeperiod=window)",
          .lower =
              [](Lowering& op) {
                return joint(op.graph(), op.in(0), op.in(1), op.integer("window")).correlation;
              },
      },
      {
          .name = "AUTOCORRELATION",
          .summary =
              "Pearson's correlation of the last `window` values with those `lag` bars before, -1 to 1",
          .definition =
              "Campbell, Lo and MacKinlay, The Econometrics of Financial Markets (1997), section 2.4",
          .sources = {"logret"},
          .params = {window_param(60),
                     {"lag", ParamType::integer, 1, kMaxWindow, 1, "bars between a value and its past"}},
          .warmup = "window - 1 + lag",
          .neutral = "0 where one of them is flat",
          .lower = lower_autocorrelation,
      },
      {
          .name = "BETA",
          .summary = "Slope of the second series' changes, as shares, on the first's, over `window` of them",
          .definition = "covariance over variance; TA-Lib BETA",
          .sources = {"high", "low"},
          .params = {window_param(5, 2, "changes from bar to bar in the window")},
          .warmup = "window",
          .neutral = "0 where the first never changes; a change from 0 counts 0; held within 1e60",
          .talib = "BETA(timeperiod=window)",
          .lower = lower_beta,
      },
  };
}

}  // namespace sentio::ops
