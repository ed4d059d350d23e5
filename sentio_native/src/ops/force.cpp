// EFI, MARKETFI: a bar's move with its volume, times it and over it.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_efi(Lowering& op) {
  const NodeRef force =
      pointwise(op.graph(), "force", {change(op.graph(), op.in(0), 1), op.in(1)},
                [](const double* const* in, std::ptrdiff_t i) { return in[0][i] * in[1][i]; });
  return sentio::ema(op.graph(), force, op.integer("window"));
}

NodeRef lower_marketfi(Lowering& op) {
  return pointwise(op.graph(), "market_facilitation", {bar_range(op.graph(), op.in(0), op.in(1)), op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     return in[1][i] > 0.0 ? held(in[0][i] / in[1][i]) : 0.0;
                   });
}

}  // namespace

std::vector<OpInfo> force() {
  return {
      {
          .name = "EFI",
          .summary = "Elder's force index: EMA of (close - close[-1]) volume",
          .definition =
              "Elder, Trading for a Living (1993); TA-Lib EFI but for the average's start, which is "
              "that of EMA",
          .columns = {"close", "volume"},
          .params = {window_param(13, 1, "span of the average; 1: the bar's own force")},
          .warmup = "window",
          .memory = Memory::decaying,
          .scale = "close * volume",
          .talib = "EFI(timeperiod=window)",
          .lower = lower_efi,
      },
      {
          .name = "MARKETFI",
          .summary = "Market facilitation index: (high - low) / volume",
          .definition = "Williams, Trading Chaos (1995); TA-Lib MARKETFI",
          .columns = {"high", "low", "volume"},
          .neutral = "0 where nothing was traded; held within 1e60",
          .scale = "0",
          .unit = "close / volume",
          .talib = "MARKETFI()",
          .lower = lower_marketfi,
      },
  };
}

}  // namespace sentio::ops
