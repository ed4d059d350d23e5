// CORREL, AUTOCORRELATION, BETA: how two series move together, and a series with its own past.
#include "ops/joint_moments.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_autocorrelation(Lowering& op) {
  const NodeRef past = delayed(op.graph(), op.in(0), op.integer("lag"));
  return correlation_in(op.graph(), op.in(0), past, op.integer("window"));
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
  return slope_in(op.graph(), market, asset, op.integer("window"));
}

}  // namespace

std::vector<OpInfo> correlation() {
  return {
      {
          .name = "CORREL",
          .version = 2,
          .summary = "Pearson's correlation of two series over the last `window` bars, -1 to 1",
          .definition = "TA-Lib CORREL",
          .sources = {"high", "low"},
          .params = {window_param(30)},
          .warmup = "window - 1",
          .neutral = "0 where one of them is flat",
          .talib = "CORREL(timeperiod=window)",
          .lower =
              [](Lowering& op) {
                return correlation_in(op.graph(), op.in(0), op.in(1), op.integer("window"));
              },
      },
      {
          .name = "AUTOCORRELATION",
          .version = 3,
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
          .version = 2,
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
