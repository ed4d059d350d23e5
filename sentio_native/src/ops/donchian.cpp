// DONCHIAN_UPPER, DONCHIAN_MIDDLE, DONCHIAN_LOWER, MIDPRICE, MIDPOINT: the range of the last bars.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef middle(GraphBuilder& graph, NodeRef high, NodeRef low, std::int64_t window) {
  return pointwise(graph, "midrange", {highest(graph, high, window), lowest(graph, low, window)},
                   [](const double* const* in, std::ptrdiff_t i) { return (in[0][i] + in[1][i]) / 2.0; });
}

NodeRef lower_middle(Lowering& op) {
  return middle(op.graph(), op.in(0), op.in(1), op.integer("window"));
}

OpInfo of_range(std::string_view name, std::string_view summary, std::string_view definition,
                std::string_view column, std::string_view talib, NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = definition,
      .columns = {column},
      .params = {window_param(20)},
      .warmup = "window - 1",
      .scale = column,
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> donchian() {
  constexpr std::string_view kDonchian = "Donchian's channel of breakouts; TA-Lib DONCHIAN";
  OpInfo channel_middle =
      of_range("DONCHIAN_MIDDLE", "Middle of the Donchian channel: half of its upper and lower band",
               kDonchian, "high", "DONCHIAN(timeperiod=window).middleband", lower_middle);
  channel_middle.columns = {"high", "low"};
  OpInfo midprice = channel_middle;
  midprice.name = "MIDPRICE";
  midprice.summary = "Half of the highest high and the lowest low of the last `window` bars";
  midprice.definition = "DONCHIAN_MIDDLE under its older name; TA-Lib MIDPRICE";
  midprice.params = {window_param(14)};
  midprice.talib = "MIDPRICE(timeperiod=window)";
  return {
      of_range("DONCHIAN_UPPER", "Upper Donchian band: the highest high of the last `window` bars", kDonchian,
               "high", "DONCHIAN(timeperiod=window).upperband",
               [](Lowering& op) { return highest(op.graph(), op.in(0), op.integer("window")); }),
      channel_middle,
      of_range("DONCHIAN_LOWER", "Lower Donchian band: the lowest low of the last `window` bars", kDonchian,
               "low", "DONCHIAN(timeperiod=window).lowerband",
               [](Lowering& op) { return lowest(op.graph(), op.in(0), op.integer("window")); }),
      midprice,
      {
          .name = "MIDPOINT",
          .summary = "Half of the largest and the smallest of the last `window` values",
          .definition = "TA-Lib MIDPOINT",
          .sources = {"close"},
          .params = {window_param(14)},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "MIDPOINT(timeperiod=window)",
          .lower = [](Lowering& op) { return middle(op.graph(), op.in(0), op.in(0), op.integer("window")); },
      },
  };
}

}  // namespace sentio::ops
