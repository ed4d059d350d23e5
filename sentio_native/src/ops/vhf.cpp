// VHF: the vertical horizontal filter, whether a series is trending or ranging.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_vhf(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef top = highest(graph, op.in(0), window), bottom = lowest(graph, op.in(0), window);
  const NodeRef reach = bar_range(graph, top, bottom);
  const NodeRef path = window_sum(graph, magnitude(graph, change(graph, op.in(0), 1)), window);
  return pointwise(graph, "share_of_path", {reach, path}, [](const double* const* in, std::ptrdiff_t i) {
    return in[1][i] > 0.0 ? smaller(in[0][i] / in[1][i], 1.0) : 0.0;
  });
}

}  // namespace

std::vector<OpInfo> vhf() {
  return {{
      .name = "VHF",
      .summary = "Range of the last `window` values over the sum of the last `window` changes, 0 (ranging) "
                 "to 1 (trending)",
      .definition = "White, The vertical horizontal filter, Futures (1991); TA-Lib VHF, whose first change "
                    "leads to the first of the values",
      .sources = {"close"},
      .params = {window_param(28)},
      .warmup = "window",
      .neutral = "0 in a flat market",
      .talib = "VHF(timeperiod=window)",
      .lower = lower_vhf,
  }};
}

}  // namespace sentio::ops
