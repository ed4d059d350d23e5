// IMI, QSTICK: what the bodies of the last candles add up to.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Columns: open, close.
NodeRef lower_imi(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef gain =
      pointwise(graph, "body_up", {op.in(0), op.in(1)},
                [](const double* const* in, std::ptrdiff_t i) { return larger(in[1][i] - in[0][i], 0.0); });
  const NodeRef loss =
      pointwise(graph, "body_down", {op.in(0), op.in(1)},
                [](const double* const* in, std::ptrdiff_t i) { return larger(in[0][i] - in[1][i], 0.0); });
  const NodeRef gains = window_sum(graph, gain, window), losses = window_sum(graph, loss, window);
  return share(graph, gains, losses);
}

NodeRef lower_qstick(Lowering& op) {
  const NodeRef body =
      pointwise(op.graph(), "body", {op.in(0), op.in(1)},
                [](const double* const* in, std::ptrdiff_t i) { return in[1][i] - in[0][i]; });
  return moments(op.graph(), body, op.integer("window")).mean;
}

}  // namespace

std::vector<OpInfo> candle_momentum() {
  return {
      {
          .name = "IMI",
          .summary = "Intraday momentum index, 0 to 100: sum of rises from open to close over that of rises "
                     "and falls, of `window` bars",
          .definition = "Chande and Kroll, The New Technical Trader (1994); TA-Lib IMI",
          .columns = {"open", "close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .neutral = "50 where no bar has a body",
          .scale = "100",
          .talib = "IMI(timeperiod=window)",
          .lower = lower_imi,
      },
      {
          .name = "QSTICK",
          .summary = "Mean of close - open over the last `window` bars",
          .definition = "Chande and Kroll, The New Technical Trader (1994); TA-Lib QSTICK",
          .columns = {"open", "close"},
          .params = {window_param(10, 1)},
          .warmup = "window - 1",
          .scale = "close",
          .talib = "QSTICK(timeperiod=window)",
          .lower = lower_qstick,
      },
  };
}

}  // namespace sentio::ops
