// RSI, CMO, CMOU: rises against falls.
#include "ops/rsi.hpp"

namespace sentio::ops {
namespace {

Moves moves_of(GraphBuilder& graph, NodeRef x) {
  return {
      pointwise(
          graph, "rise", {x},
          [](const double* const* in, std::ptrdiff_t i) { return larger(in[0][i] - in[0][i - 1], 0.0); }, 1),
      pointwise(
          graph, "fall", {x},
          [](const double* const* in, std::ptrdiff_t i) { return larger(in[0][i - 1] - in[0][i], 0.0); }, 1)};
}

}  // namespace

Moves average_moves(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const Moves moves = moves_of(graph, x);
  return {wilder(graph, moves.up, window), wilder(graph, moves.down, window)};
}

namespace {

NodeRef lower_rsi(Lowering& op) {
  const Moves moves = average_moves(op.graph(), op.in(0), op.integer("window"));
  return share(op.graph(), moves.up, moves.down);
}

NodeRef balance(GraphBuilder& graph, const Moves& moves) {
  return pointwise(graph, "cmo", {moves.up, moves.down}, [](const double* const* in, std::ptrdiff_t i) {
    const double both = in[0][i] + in[1][i];
    return both > 0.0 ? 100.0 * ((in[0][i] - in[1][i]) / both) : 0.0;
  });
}

NodeRef lower_cmo(Lowering& op) {
  return balance(op.graph(), average_moves(op.graph(), op.in(0), op.integer("window")));
}

NodeRef lower_cmou(Lowering& op) {
  const Moves moves = moves_of(op.graph(), op.in(0));
  const auto window = op.integer("window");
  return balance(op.graph(),
                 {window_sum(op.graph(), moves.up, window), window_sum(op.graph(), moves.down, window)});
}

}  // namespace

std::vector<OpInfo> rsi() {
  return {
      {
          .name = "RSI",
          .summary = "Relative strength index, 0 to 100: Wilder's average rise over average rise and fall",
          .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib RSI",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window",
          .memory = Memory::decaying,
          .neutral = "50 in a flat market (TA-Lib: 0)",
          .scale = "100",
          .talib = "RSI(timeperiod=window)",
          .lower = lower_rsi,
      },
      {
          .name = "CMO",
          .summary =
              "Chande momentum oscillator, -100 to 100: Wilder's average rise minus fall over their sum",
          .definition =
              "Chande and Kroll, The New Technical Trader (1994), with Wilder's averages as TA-Lib CMO",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window",
          .memory = Memory::decaying,
          .neutral = "0 in a flat market",
          .scale = "100",
          .talib = "CMO(timeperiod=window)",
          .lower = lower_cmo,
      },
      {
          .name = "CMOU",
          .summary =
              "Chande momentum oscillator, -100 to 100: sum of rises minus sum of falls over the sum of "
              "both, of `window` changes",
          .definition = "Chande and Kroll, The New Technical Trader (1994), as they sum it; TA-Lib CMOU",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window",
          .neutral = "0 in a flat market",
          .scale = "100",
          .talib = "CMOU(timeperiod=window)",
          .lower = lower_cmou,
      },
  };
}

}  // namespace sentio::ops
