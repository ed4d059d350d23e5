// TRANGE, ATR, NATR, ADR: how far bars reach.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_trange(Lowering& op) {
  return true_range(op.graph(), op.in(0), op.in(1), op.in(2));
}

NodeRef lower_atr(Lowering& op) {
  return wilder(op.graph(), lower_trange(op), op.integer("window"));
}

NodeRef lower_natr(Lowering& op) {
  return pointwise(op.graph(), "percent_of", {lower_atr(op), op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) { return 100.0 * (in[0][i] / in[1][i]); });
}

NodeRef lower_adr(Lowering& op) {
  return moments(op.graph(), bar_range(op.graph(), op.in(0), op.in(1)), op.integer("window")).mean;
}

}  // namespace

std::vector<OpInfo> atr() {
  return {
      {
          .name = "TRANGE",
          .summary = "True range: max(high, close[-1]) - min(low, close[-1])",
          .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib TRANGE",
          .columns = {"high", "low", "close"},
          .warmup = "1",
          .scale = "close",
          .talib = "TRANGE()",
          .lower = lower_trange,
      },
      {
          .name = "ATR",
          .summary = "Average true range: Wilder's average of max(high, close[-1]) - min(low, close[-1])",
          .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib ATR",
          .columns = {"high", "low", "close"},
          .params = {window_param(14, 1)},
          .warmup = "window",
          .memory = Memory::decaying,
          .scale = "close",
          .talib = "ATR(timeperiod=window)",
          .lower = lower_atr,
      },
      {
          .name = "NATR",
          .summary = "Normalised average true range: ATR in percent of the close",
          .definition = "Forman, Cross-market evaluations with normalized average true range, Stocks and "
                        "Commodities 24 (2006); TA-Lib NATR",
          .columns = {"high", "low", "close"},
          .params = {window_param(14, 1)},
          .warmup = "window",
          .memory = Memory::decaying,
          .scale = "100",
          .talib = "NATR(timeperiod=window)",
          .lower = lower_natr,
      },
      {
          .name = "ADR",
          .version = 2,
          .summary = "Average range of a bar: the mean of high - low over `window` bars",
          .definition = "TA-Lib ADR",
          .columns = {"high", "low"},
          .params = {window_param(14, 1)},
          .warmup = "window - 1",
          .scale = "close",
          .talib = "ADR(timeperiod=window)",
          .lower = lower_adr,
      },
  };
}

}  // namespace sentio::ops
