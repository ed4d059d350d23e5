// RVI: Dorsey's relative volatility index, an RSI of deviations.
#include <cmath>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

constexpr auto rising = [](const double* const* in, std::ptrdiff_t i) {
  return in[1][i] > 0.0 ? std::sqrt(in[0][i]) : 0.0;
};

constexpr auto falling = [](const double* const* in, std::ptrdiff_t i) {
  return in[1][i] < 0.0 ? std::sqrt(in[0][i]) : 0.0;
};

NodeRef lower_rvi(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const std::vector<NodeRef> inputs = {moments(graph, op.in(0), op.integer("deviation_window")).variance,
                                       change(graph, op.in(0), 1)};
  const NodeRef up = wilder(graph, pointwise(graph, "rising_deviation", inputs, rising), window);
  const NodeRef down = wilder(graph, pointwise(graph, "falling_deviation", inputs, falling), window);
  return share(graph, up, down);
}

}  // namespace

std::vector<OpInfo> rvi() {
  return {{
      .name = "RVI",
      .version = 2,
      .summary =
          "Relative volatility index, 0 to 100: Wilder's average deviation at rises over that at rises "
          "and falls",
      .definition = "Dorsey, The relative volatility index, Stocks and Commodities 11 (1993); TA-Lib RVI",
      .sources = {"close"},
      .params = {window_param(14, 2, "bars in the averages"),
                 {"deviation_window", ParamType::integer, 2, kMaxWindow, 10, "bars in the deviation"}},
      .warmup = "window + deviation_window - 2",
      .memory = Memory::decaying,
      .neutral = "50 in a flat market",
      .scale = "100",
      .talib = "RVI(timeperiod=window, stddevperiod=deviation_window)",
      .lower = lower_rvi,
  }};
}

}  // namespace sentio::ops
