// ZWIN: the z-score within a window.
#include <cmath>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_zwin(Lowering& op) {
  const Moments m = moments(op.graph(), op.in(0), op.integer("window"));
  return pointwise(op.graph(), "zwin", {m.deviation, m.variance},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double deviation = in[0][i], variance = in[1][i];
                     return variance > 0.0 ? deviation / std::sqrt(variance) : 0.0;
                   });
}

}  // namespace

std::vector<OpInfo> zwin() {
  return {{
      .name = "ZWIN",
      .summary =
          "Z-score: distance from the mean of the last `window` values, in their population deviations",
      .definition = "the standard score (x - mean) / deviation, the current value included in both",
      .sources = {"close"},
      .params = {window_param(20)},
      .warmup = "window - 1",
      .neutral = "0 in a flat window",
      .lower = lower_zwin,
  }};
}

}  // namespace sentio::ops
