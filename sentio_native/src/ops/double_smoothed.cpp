// TSI, SMI, SMI_SIGNAL: Blau's double-smoothed momentum, of changes and of the place in the range.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef smooth_twice(Lowering& op, NodeRef x) {
  return sentio::ema(op.graph(), sentio::ema(op.graph(), x, op.integer("slow")), op.integer("fast"));
}

// 100 part / whole, both smoothed twice, where |part| is nowhere more than the whole.
NodeRef percent(Lowering& op, NodeRef part, NodeRef whole) {
  return pointwise(op.graph(), "percent", {smooth_twice(op, part), smooth_twice(op, whole)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     if (in[1][i] <= 0.0) return 0.0;
                     return 100.0 * larger(smaller(in[0][i] / in[1][i], 1.0), -1.0);
                   });
}

NodeRef lower_tsi(Lowering& op) {
  const NodeRef moved = change(op.graph(), op.in(0), 1);
  return percent(op, moved, magnitude(op.graph(), moved));
}

// Columns: high, low, close. Twice the distance from the middle of the range is that from its low less that
// to its high: differences of prices, which keep the digits that the middle would lose.
NodeRef smi(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef top = highest(graph, op.in(0), window), bottom = lowest(graph, op.in(1), window);
  const NodeRef off_middle = pointwise(graph, "twice_off_middle", {top, bottom, op.in(2)},
                                       [](const double* const* in, std::ptrdiff_t i) {
                                         return (in[2][i] - in[1][i]) - (in[0][i] - in[2][i]);
                                       });
  return percent(op, off_middle, bar_range(graph, top, bottom));
}

// The index waits for its signal, as the MACD line does.
NodeRef lower_smi(Lowering& op) {
  return waiting(op.graph(), smi(op), op.integer("signal") - 1);
}

NodeRef lower_smi_signal(Lowering& op) {
  return sentio::ema(op.graph(), smi(op), op.integer("signal"));
}

ParamInfo fast(double default_value) {
  return {"fast", ParamType::integer, 2, kMaxWindow - 1, default_value, "span of the second average"};
}

ParamInfo slow(double default_value) {
  return {"slow", ParamType::integer, 3, kMaxWindow, default_value, "span of the first average"};
}

OpInfo smi_op(std::string_view name, std::string_view summary, std::string_view talib,
              NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Blau, Stochastic momentum, Stocks and Commodities 11 (1993); TA-Lib SMI but for the "
          "averages' start, which is that of EMA",
      .columns = {"high", "low", "close"},
      .params = {fast(2),
                 slow(25),
                 window_param(13, 2, "bars in the range"),
                 {"signal", ParamType::integer, 2, kMaxWindow, 9, "span of the index's own average"}},
      .warmup = "window + fast + slow + signal - 4",
      .memory = Memory::decaying,
      .neutral = "0 while no range is remembered",
      .scale = "100",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> double_smoothed() {
  return {
      {
          .name = "TSI",
          .summary = "True strength index, -100 to 100: changes from bar to bar over their magnitudes, both "
                     "smoothed by an EMA of an EMA",
          .definition = "Blau, True strength index, Stocks and Commodities 9 (1991); TA-Lib TSI but for the "
                        "averages' start, which is that of EMA",
          .sources = {"close"},
          .params = {fast(13), slow(25)},
          .warmup = "fast + slow - 1",
          .memory = Memory::decaying,
          .neutral = "0 while no change is remembered",
          .scale = "100",
          .talib = "TSI(firstperiod=slow, secondperiod=fast)",
          .lower = lower_tsi,
      },
      smi_op(
          "SMI",
          "Stochastic momentum index, -100 to 100: the close from the middle of the range of `window` bars "
          "over half that range, both smoothed by an EMA of an EMA",
          "SMI(timeperiod=window, fastperiod=fast, slowperiod=slow, signalperiod=signal).smi", lower_smi),
      smi_op("SMI_SIGNAL", "EMA over `signal` of the stochastic momentum index",
             "SMI(timeperiod=window, fastperiod=fast, slowperiod=slow, signalperiod=signal).smisignal",
             lower_smi_signal),
  };
}

}  // namespace sentio::ops
