// AD_LINE: Chaikin's accumulation/distribution line.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_ad_line(Lowering& op) {
  return running_sum(op.graph(), money_flow_volume(op.graph(), op.in(0), op.in(1), op.in(2), op.in(3)));
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
