// WILLIAMS_R: how far the close is below the highest high of the last bars.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_williams_r(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  return pointwise(graph, "williams_r",
                   {highest(graph, op.in(0), window), lowest(graph, op.in(1), window), op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double range = in[0][i] - in[1][i];
                     return range > 0.0 ? -100.0 * ((in[0][i] - in[2][i]) / range) : -50.0;
                   });
}

}  // namespace

std::vector<OpInfo> williams_r() {
  return {{
      .name = "WILLIAMS_R",
      .summary = "Williams' %R, -100 to 0: the close below the highest high of `window` bars, in their range",
      .definition =
          "Williams, How I Made One Million Dollars Last Year Trading Commodities (1973); TA-Lib WILLR",
      .columns = {"high", "low", "close"},
      .params = {window_param(14)},
      .warmup = "window - 1",
      .neutral = "-50 where the window has no range (TA-Lib: 0)",
      .scale = "100",
      .talib = "WILLR(timeperiod=window)",
      .lower = lower_williams_r,
  }};
}

}  // namespace sentio::ops
