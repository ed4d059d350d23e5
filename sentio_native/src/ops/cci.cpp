// CCI: Lambert's commodity channel index.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The mean absolute deviation is about a mean that moves with every bar, so each bar reads its whole window;
// the op's own bound on `window` keeps that affordable. Differences are taken from the newest value first:
// they keep the digits that a mean of 1e6 would cost them, and are all exactly zero where the market is flat.
NodeRef lower_cci(Lowering& op) {
  const auto window = op.integer("window");
  return pointwise(
      op.graph(), "cci", {*builtin_source(op.graph(), "hlc3")},
      [window](const double* const* in, std::ptrdiff_t i) {
        const double* last = in[0] + i;
        double sum = 0.0;
        for (std::int64_t n = 1; n < window; ++n) sum += last[-n] - *last;
        const double mean = sum / static_cast<double>(window);
        double absolute = larger(mean, -mean);
        for (std::int64_t n = 1; n < window; ++n) {
          const double deviation = (last[-n] - *last) - mean;
          absolute += larger(deviation, -deviation);
        }
        // 0.015: Lambert's constant, by which most values fall within -100 and 100.
        const double mean_absolute = absolute / static_cast<double>(window);
        return mean_absolute > kTypicalPriceRounding * *last ? -mean / (0.015 * mean_absolute) : 0.0;
      },
      window - 1);
}

}  // namespace

std::vector<OpInfo> cci() {
  ParamInfo window = window_param(14);
  window.max = 1000;
  return {{
      .name = "CCI",
      .summary =
          "Commodity channel index: hlc3 from its mean, in 0.015 mean absolute deviations of `window` bars",
      .definition = "Lambert, Commodity channel index, Commodities 9 (1980); TA-Lib CCI",
      .columns = {"high", "low", "close"},
      .params = {window},
      .warmup = "window - 1",
      .neutral = "0 in a flat window, where hlc3 stays within its rounding, 2e-14",
      .scale = "100",
      .talib = "CCI(timeperiod=window)",
      .lower = lower_cci,
  }};
}

}  // namespace sentio::ops
