// CCI: Lambert's commodity channel index.
#include "kernels/order_statistics.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_cci(Lowering& op) {
  const NodeRef price = *builtin_source(op.graph(), "hlc3");
  const AbsoluteDeviation deviation = absolute_deviation(op.graph(), price, op.integer("window"));
  return pointwise(op.graph(), "cci", {deviation.newest, deviation.mean, price},
                   [](const double* const* in, std::ptrdiff_t i) {
                     // 0.015: Lambert's constant, by which most values fall within -100 and 100.
                     return in[1][i] > kTypicalPriceRounding * in[2][i] ? in[0][i] / (0.015 * in[1][i]) : 0.0;
                   });
}

}  // namespace

std::vector<OpInfo> cci() {
  return {{
      .name = "CCI",
      .version = 2,
      .summary =
          "Commodity channel index: hlc3 from its mean, in 0.015 mean absolute deviations of `window` bars",
      .definition = "Lambert, Commodity channel index, Commodities 9 (1980); TA-Lib CCI",
      .columns = {"high", "low", "close"},
      .params = {window_param(14)},
      .warmup = "window - 1",
      .neutral = "0 in a flat window, where hlc3 stays within its rounding, 2e-14",
      .scale = "100",
      .talib = "CCI(timeperiod=window)",
      .lower = lower_cci,
  }};
}

}  // namespace sentio::ops
