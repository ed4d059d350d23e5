// STOCHASTIC_K, STOCHASTIC_D: where the close lies within the range of the last bars.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_k(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  return pointwise(graph, "stochastic_k",
                   {highest(graph, op.in(0), window), lowest(graph, op.in(1), window), op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double range = in[0][i] - in[1][i];
                     return range > 0.0 ? 100.0 * ((in[2][i] - in[1][i]) / range) : 50.0;
                   });
}

NodeRef lower_d(Lowering& op) {
  return moments(op.graph(), lower_k(op), op.integer("d_period")).mean;
}

constexpr std::string_view kDefinition =
    "Lane, Lane's stochastics, Stocks and Commodities 2 (1984); TA-Lib STOCHF";
constexpr std::string_view kNeutral = "%K is 50 where the window has no range (TA-Lib: 0)";

}  // namespace

std::vector<OpInfo> stochastic() {
  return {
      {
          .name = "STOCHASTIC_K",
          .summary = "Fast %K, 0 to 100: the close within the highest high and lowest low of `window` bars",
          .definition = kDefinition,
          .columns = {"high", "low", "close"},
          .params = {window_param(14, 1)},
          .warmup = "window - 1",
          .neutral = kNeutral,
          .scale = "100",
          .talib = "STOCHF(fastk_period=window, fastd_period=1).fastk",
          .lower = lower_k,
      },
      {
          .name = "STOCHASTIC_D",
          .summary = "Fast %D, 0 to 100: the mean of the last `d_period` values of %K",
          .definition = kDefinition,
          .columns = {"high", "low", "close"},
          .params = {window_param(14, 1),
                     {"d_period", ParamType::integer, 1, kMaxWindow, 3, "values of %K in the mean"}},
          .warmup = "window + d_period - 2",
          .neutral = kNeutral,
          .scale = "100",
          .talib = "STOCHF(fastk_period=window, fastd_period=d_period).fastd",
          .lower = lower_d,
      },
  };
}

}  // namespace sentio::ops
