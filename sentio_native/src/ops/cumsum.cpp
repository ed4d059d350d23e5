// CUMSUM: the sum of all values so far.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_cumsum(Lowering& op) {
  return pointwise(op.graph(), "held", {running_sum(op.graph(), op.in(0))},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i]); });
}

}  // namespace

std::vector<OpInfo> cumsum() {
  return {{
      .name = "CUMSUM",
      .version = 2,
      .summary = "Sum of all values so far, of log returns unless told otherwise",
      .definition = "the running sum, compensated for what each addition rounds away; TA-Lib CUMSUM",
      .sources = {"logret"},
      .memory = Memory::unbounded,
      .neutral = "held within 1e60",
      .scale = "source",
      .talib = "CUMSUM()",
      .lower = lower_cumsum,
  }};
}

}  // namespace sentio::ops
