// VORTEX_PLUS, VORTEX_MINUS: how far highs and lows are from the opposite extremes of the bars before.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The sum of |extreme - opposite[-1]| over that of the true range; columns high, low, close.
template <std::size_t extreme, std::size_t opposite>
NodeRef lower_vortex(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef movement = pointwise(graph, "vortex_movement", {op.in(extreme), op.in(opposite)},
                                     [](const double* const* in, std::ptrdiff_t i) {
                                       const double moved = in[0][i] - in[1][i - 1];
                                       return larger(moved, -moved);
                                     },
                                     {0, 1});
  const NodeRef range = true_range(graph, op.in(0), op.in(1), op.in(2));
  return pointwise(graph, "vortex", {window_sum(graph, movement, window), window_sum(graph, range, window)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     return in[1][i] > 0.0 ? held(in[0][i] / in[1][i]) : 1.0;
                   });
}

OpInfo vortex_op(std::string_view name, std::string_view summary, std::string_view talib,
                 NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Botes and Siepman, The vortex indicator, Stocks and Commodities 28 (2010); TA-Lib VORTEX",
      .columns = {"high", "low", "close"},
      .params = {window_param(14, 1)},
      .warmup = "window",
      .neutral = "1, a market without direction, where no bar has a range (TA-Lib: 0); held within 1e60",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> vortex() {
  return {
      vortex_op("VORTEX_PLUS", "Sum of |high - low[-1]| over that of the true range, of `window` bars",
                "VORTEX(timeperiod=window).plusvi", lower_vortex<0, 1>),
      vortex_op("VORTEX_MINUS", "Sum of |low - high[-1]| over that of the true range, of `window` bars",
                "VORTEX(timeperiod=window).minusvi", lower_vortex<1, 0>),
  };
}

}  // namespace sentio::ops
