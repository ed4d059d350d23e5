// MFI: the money flow index, an RSI weighted by volume.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Inputs hlc3, volume.
constexpr auto inflow = [](const double* const* in, std::ptrdiff_t i) {
  const double price = in[0][i], rise = price - in[0][i - 1];
  return rise > kTypicalPriceRounding * price ? price * in[1][i] : 0.0;
};

constexpr auto outflow = [](const double* const* in, std::ptrdiff_t i) {
  const double price = in[0][i], fall = in[0][i - 1] - price;
  return fall > kTypicalPriceRounding * price ? price * in[1][i] : 0.0;
};

NodeRef lower_mfi(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const std::vector<NodeRef> inputs = {*builtin_source(graph, "hlc3"), op.in(3)};
  const NodeRef in_sum = window_sum(graph, pointwise(graph, "inflow", inputs, inflow, {1, 0}), window);
  const NodeRef out_sum = window_sum(graph, pointwise(graph, "outflow", inputs, outflow, {1, 0}), window);
  return share(graph, in_sum, out_sum);
}

}  // namespace

std::vector<OpInfo> mfi() {
  return {{
      .name = "MFI",
      .version = 2,
      .summary = "Money flow index, 0 to 100: hlc3 times volume of rising bars among all moving ones of "
                 "`window` bars",
      .definition =
          "Quong and Soudack, Volume-weighted RSI: money flow, Stocks and Commodities 7 (1989); TA-Lib MFI",
      .columns = {"high", "low", "close", "volume"},
      .params = {window_param(14)},
      .warmup = "window",
      .neutral = "50 where no money flowed (TA-Lib: 0); a move of hlc3 within its rounding, 2e-14, is none",
      .scale = "100",
      .talib = "MFI(timeperiod=window)",
      .lower = lower_mfi,
  }};
}

}  // namespace sentio::ops
