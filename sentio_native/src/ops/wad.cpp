// WAD: Williams' accumulation and distribution.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Columns: high, low, close.
NodeRef lower_wad(Lowering& op) {
  const NodeRef gained = pointwise(op.graph(), "williams_accumulation", {op.in(0), op.in(1), op.in(2)},
                                   [](const double* const* in, std::ptrdiff_t i) {
                                     const double close = in[2][i], before = in[2][i - 1];
                                     if (close > before) return close - smaller(in[1][i], before);
                                     if (close < before) return close - larger(in[0][i], before);
                                     return 0.0;
                                   },
                                   {0, 0, 1});
  return running_sum(op.graph(), gained);
}

}  // namespace

std::vector<OpInfo> wad() {
  return {{
      .name = "WAD",
      .summary = "Williams' accumulation and distribution: the running sum of close - true low at rises and "
                 "of close - true high at falls",
      .definition = "Achelis, Technical Analysis from A to Z, 2nd ed. (2001); TA-Lib WAD, which has 0 at the "
                    "first bar",
      .columns = {"high", "low", "close"},
      .warmup = "1",
      .memory = Memory::unbounded,
      .neutral = "an unchanged close adds 0",
      .scale = "close",
      .talib = "WAD()",
      .lower = lower_wad,
  }};
}

}  // namespace sentio::ops
