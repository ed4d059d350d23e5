// KELTNER_UPPER, KELTNER_MIDDLE, KELTNER_LOWER: an average of typical prices and bands of true ranges.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef middle(Lowering& op) {
  return sentio::ema(op.graph(), op.in(0), op.integer("window"));
}

NodeRef channel_band(Lowering& op, double k) {
  GraphBuilder& graph = op.graph();
  const NodeRef range =
      wilder(graph, true_range(graph, op.in(1), op.in(2), op.in(3)), op.integer("atr_window"));
  return pointwise(graph, "keltner", {middle(op), range},
                   [k](const double* const* in, std::ptrdiff_t i) { return in[0][i] + k * in[1][i]; }, 0,
                   {k});
}

// As late as its bands.
NodeRef channel_middle(Lowering& op) {
  const auto late = op.integer("atr_window") - (op.integer("window") - 1);
  return late > 0 ? waiting(op.graph(), middle(op), late) : middle(op);
}

OpInfo channel(std::string_view name, std::string_view summary, std::string_view talib,
               NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Keltner, How to Make Money in Commodities (1960), with Raschke's EMA of hlc3 and ATR; "
          "TA-Lib KC but for the average's start, which is that of EMA",
      .columns = {"hlc3", "high", "low", "close"},
      .params = {window_param(20, 2, "bars in the middle's average"),
                 {"atr_window", ParamType::integer, 2, kMaxWindow, 10, "bars in the average true range"},
                 {"k", ParamType::real, 0.01, 100, 2, "average true ranges from the middle to a band"}},
      .warmup = "max(window - 1, atr_window)",
      .memory = Memory::decaying,
      .scale = "high",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> keltner() {
  return {
      channel("KELTNER_UPPER", "Upper Keltner band: the middle + k average true ranges",
              "KC(timeperiod=window, atrperiod=atr_window, nbdev=k).upperband",
              [](Lowering& op) { return channel_band(op, op.real("k")); }),
      channel("KELTNER_MIDDLE", "Middle of the Keltner channel: EMA of hlc3, whatever `k` is",
              "KC(timeperiod=window, atrperiod=atr_window, nbdev=k).middleband", channel_middle),
      channel("KELTNER_LOWER", "Lower Keltner band: the middle - k average true ranges",
              "KC(timeperiod=window, atrperiod=atr_window, nbdev=k).lowerband",
              [](Lowering& op) { return channel_band(op, -op.real("k")); }),
  };
}

}  // namespace sentio::ops
