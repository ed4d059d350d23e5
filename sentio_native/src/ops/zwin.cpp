// ZWIN: the z-score within a window.
#include <cmath>

#include "kernels/moments_fold.hpp"
#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

struct ZScoreFold : MomentsFold {
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    const double spread = variance(all);
    out[0][i] = spread > 0.0 ? deviation(in, i, anchor, all) / std::sqrt(spread) : 0.0;
  }
};

NodeRef lower_zwin(Lowering& op) {
  const auto window = op.integer("window");
  return window_fold(op.graph(), "zwin", {op.in(0)}, window, ZScoreFold{{1.0 / static_cast<double>(window)}});
}

}  // namespace

std::vector<OpInfo> zwin() {
  return {{
      .name = "ZWIN",
      .version = 2,
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
