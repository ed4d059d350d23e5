// RVOL: volume beside the usual one.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_rvol(Lowering& op) {
  const auto window = op.integer("window");
  const auto count = static_cast<double>(window);
  const NodeRef before = delayed(op.graph(), window_sum(op.graph(), op.in(0), window), 1);
  return pointwise(op.graph(), "relative_volume", {op.in(0), before},
                   [count](const double* const* in, std::ptrdiff_t i) {
                     return in[1][i] > 0.0 ? held(in[0][i] / in[1][i] * count) : 1.0;
                   },
                   0, {count});
}

}  // namespace

std::vector<OpInfo> relative_volume() {
  return {{
      .name = "RVOL",
      .version = 2,
      .summary = "Relative volume: over the mean volume of the `window` bars before",
      .definition = "TA-Lib RVOL",
      .columns = {"volume"},
      .params = {window_param(20, 1, "bars in the mean, the current one not included")},
      .warmup = "window",
      .neutral = "1 where nothing was traded in the window (TA-Lib: NaN or infinite); held within 1e60",
      .talib = "RVOL(timeperiod=window)",
      .lower = lower_rvol,
  }};
}

}  // namespace sentio::ops
