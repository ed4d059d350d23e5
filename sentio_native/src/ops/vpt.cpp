// VPT: the volume-price trend.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_vpt(Lowering& op) {
  const NodeRef flow = pointwise(op.graph(), "volume_times_return", {op.in(0), op.in(1)},
                                 [](const double* const* in, std::ptrdiff_t i) {
                                   const double before = in[0][i - 1];
                                   return in[1][i] * ((in[0][i] - before) / before);
                                 },
                                 {1, 0});
  return running_sum(op.graph(), flow);
}

}  // namespace

std::vector<OpInfo> vpt() {
  return {{
      .name = "VPT",
      .summary = "Volume-price trend: the running sum of volume (close / close[-1] - 1)",
      .definition = "Achelis, Technical Analysis from A to Z, 2nd ed. (2001), Price and Volume Trend; TA-Lib "
                    "PVT, which has 0 at the first bar",
      .columns = {"close", "volume"},
      .warmup = "1",
      .memory = Memory::unbounded,
      .scale = "volume",
      .talib = "PVT()",
      .lower = lower_vpt,
  }};
}

}  // namespace sentio::ops
