// EFFICIENCY_RATIO: how straight a path was.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_efficiency_ratio(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const auto magnitude = [&graph](NodeRef x) {
    return pointwise(graph, "magnitude", {x},
                     [](const double* const* in, std::ptrdiff_t i) { return larger(in[0][i], -in[0][i]); });
  };
  const NodeRef way = magnitude(change(graph, op.in(0), window));
  const NodeRef path = window_sum(graph, magnitude(change(graph, op.in(0), 1)), window);
  return pointwise(graph, "efficiency_ratio", {way, path}, [](const double* const* in, std::ptrdiff_t i) {
    return in[1][i] > 0.0 ? smaller(in[0][i] / in[1][i], 1.0) : 0.0;
  });
}

}  // namespace

std::vector<OpInfo> efficiency_ratio() {
  return {{
      .name = "EFFICIENCY_RATIO",
      .version = 2,
      .summary =
          "Net change over `window` bars over the sum of all changes, 0 (noise) to 1 (a straight line)",
      .definition = "Kaufman, Smarter Trading (1995); TA-Lib ER",
      .sources = {"close"},
      .params = {window_param(10, 1)},
      .warmup = "window",
      .neutral = "0 in a flat market (TA-Lib: 1)",
      .talib = "ER(timeperiod=window)",
      .lower = lower_efficiency_ratio,
  }};
}

}  // namespace sentio::ops
