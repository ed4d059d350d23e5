// AD_LINE: Chaikin's accumulation/distribution line.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

double money_flow_volume(const double* const* in, std::ptrdiff_t i) {
  const double high = in[0][i], low = in[1][i], close = in[2][i], range = high - low;
  return range > 0.0 ? ((close - low) - (high - close)) / range * in[3][i] : 0.0;
}

NodeRef lower_ad_line(Lowering& op) {
  return running_sum(op.graph(), pointwise(op.graph(), "money_flow_volume",
                                           {op.in(0), op.in(1), op.in(2), op.in(3)}, money_flow_volume));
}

}  // namespace

std::vector<OpInfo> ad_line() {
  return {{
      .name = "AD_LINE",
      .summary = "Accumulation/distribution line: the running sum of volume times the close's place in its "
                 "bar, -1 to 1",
      .definition = "Chaikin; Achelis, Technical Analysis from A to Z, 2nd ed. (2001); TA-Lib AD",
      .columns = {"high", "low", "close", "volume"},
      .memory = Memory::unbounded,
      .neutral = "a bar without range adds 0",
      .scale = "volume",
      .talib = "AD()",
      .lower = lower_ad_line,
  }};
}

}  // namespace sentio::ops
