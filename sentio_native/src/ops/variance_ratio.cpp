// VARIANCE_RATIO: whether returns add up like those of a random walk.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The one-bar returns are those that the long returns are made of, no more: so the ratio is bounded.
NodeRef lower_variance_ratio(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window"), lag = op.integer("lag");
  const NodeRef ones = moments(graph, log_return(graph, op.in(0), 1), window + lag - 1).variance;
  const NodeRef longs = moments(graph, log_return(graph, op.in(0), lag), window).variance;
  const auto count = static_cast<double>(lag);
  return pointwise(graph, "variance_ratio", {longs, ones},
                   [count](const double* const* in, std::ptrdiff_t i) {
                     return in[1][i] > 0.0 ? in[0][i] / (count * in[1][i]) : 1.0;
                   },
                   0, {count});
}

}  // namespace

std::vector<OpInfo> variance_ratio() {
  return {{
      .name = "VARIANCE_RATIO",
      .version = 3,
      .summary =
          "Variance of `window` overlapping `lag`-bar returns over `lag` times that of the one-bar ones",
      .definition = "Lo and MacKinlay, Stock market prices do not follow random walks (1988); log returns, "
                    "population variances, that of the one-bar returns over the `window + lag - 1` that the "
                    "long ones are made of",
      .sources = {"close"},
      .params = {window_param(60), {"lag", ParamType::integer, 2, kMaxWindow, 5, "bars of the long returns"}},
      .warmup = "window + lag - 1",
      .neutral = "1 where all one-bar returns are equal",
      .lower = lower_variance_ratio,
  }};
}

}  // namespace sentio::ops
