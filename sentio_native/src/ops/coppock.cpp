// COPPOCK: Coppock's curve, a weighted mean of two rates of change.
#include "ops/least_squares.hpp"
#include "ops/op_file.hpp"
#include "ops/rate_of_change.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_coppock(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef both =
      pointwise(graph, "sum_held",
                {rate_of_change(graph, op.in(0), op.integer("short"), 100.0, 1.0),
                 rate_of_change(graph, op.in(0), op.integer("long"), 100.0, 1.0)},
                [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i] + in[1][i]); });
  return weighted_mean(graph, both, op.integer("window"));
}

}  // namespace

std::vector<OpInfo> coppock() {
  return {{
      .name = "COPPOCK",
      .summary = "Coppock curve: the sum of two rates of change in percent, averaged over `window` bars with "
                 "weights that rise to the newest",
      .definition =
          "Coppock, Practical relative strength charting, Barron's (1962): ROC + ROC, weights 1, 2, ..., "
          "window; TA-Lib COPPOCK",
      .sources = {"close"},
      .params = {window_param(10, 2, "bars in the weighted mean"),
                 {"short", ParamType::integer, 1, kMaxWindow, 11, "bars of one rate of change"},
                 {"long", ParamType::integer, 1, kMaxWindow, 14, "bars of the other one"}},
      .warmup = "max(short, long) + window - 1",
      .neutral = "a change from 0 counts 0; held within 1e60",
      .scale = "100",
      .talib = "COPPOCK(wmaperiod=window, roc1period=short, roc2period=long)",
      .lower = lower_coppock,
  }};
}

}  // namespace sentio::ops
