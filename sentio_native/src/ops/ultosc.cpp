// ULTOSC: Williams' ultimate oscillator.
#include <algorithm>
#include <array>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_ultimate_oscillator(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef range = true_range(graph, op.in(0), op.in(1), op.in(2));
  const NodeRef pressure = pointwise(
      graph, "buying_pressure", {op.in(1), op.in(2)},
      [](const double* const* in, std::ptrdiff_t i) { return in[1][i] - smaller(in[0][i], in[1][i - 1]); },
      {0, 1});
  std::array windows = {op.integer("short"), op.integer("medium"), op.integer("long")};
  std::sort(windows.begin(), windows.end());
  std::vector<NodeRef> sums;
  for (const std::int64_t window : windows) {
    sums.push_back(window_sum(graph, pressure, window));
    sums.push_back(window_sum(graph, range, window));
  }
  return pointwise(graph, "ultimate_oscillator", sums, [](const double* const* in, std::ptrdiff_t i) {
    const auto share = [&](std::size_t k) {
      const double range_sum = in[2 * k + 1][i];
      return range_sum > 0.0 ? in[2 * k][i] / range_sum : 0.5;
    };
    return 100.0 * ((4.0 * share(0) + 2.0 * share(1) + share(2)) / 7.0);
  });
}

}  // namespace

std::vector<OpInfo> ultosc() {
  return {{
      .name = "ULTOSC",
      .version = 2,
      .summary =
          "Ultimate oscillator, 0 to 100: close - min(low, close[-1]) over the true range, summed over "
          "three windows of which the shortest weighs 4, the next 2, the longest 1",
      .definition = "Williams, The ultimate oscillator, Stocks and Commodities 3 (1985); TA-Lib ULTOSC",
      .columns = {"high", "low", "close"},
      .params = {{"short", ParamType::integer, 1, kMaxWindow, 7, "bars in one window, in any order"},
                 {"medium", ParamType::integer, 1, kMaxWindow, 14, "bars in another window"},
                 {"long", ParamType::integer, 1, kMaxWindow, 28, "bars in the third window"}},
      .warmup = "max(short, medium, long)",
      .neutral = "a window without a range counts as 0.5 (TA-Lib: 0)",
      .scale = "100",
      .talib = "ULTOSC(timeperiod1=short, timeperiod2=medium, timeperiod3=long)",
      .lower = lower_ultimate_oscillator,
  }};
}

}  // namespace sentio::ops
