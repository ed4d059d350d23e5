// BULK_VOLUME: which share of the volume bought, by bulk volume classification.
#include <cmath>

#include "kernels/portable_math.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_bulk_volume(Lowering& op) {
  const NodeRef move = change(op.graph(), op.in(0), 1);
  const NodeRef variance = moments(op.graph(), move, op.integer("window")).variance;
  return pointwise(op.graph(), "bulk_volume", {move, variance},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double moved = in[0][i], deviation = std::sqrt(in[1][i]);
                     if (deviation > 0.0) return normal_cdf(moved / deviation);
                     return moved > 0.0 ? 1.0 : moved < 0.0 ? 0.0 : 0.5;
                   });
}

}  // namespace

std::vector<OpInfo> bulk_volume() {
  return {{
      .name = "BULK_VOLUME",
      .version = 2,
      .summary = "Share of the bar's volume that bought, 0 to 1: the normal law of the price change over its "
                 "deviation",
      .definition =
          "bulk volume classification; Easley, Lopez de Prado and O'Hara, Flow toxicity and liquidity in a "
          "high-frequency world, Review of Financial Studies 25 (2012), with the population deviation",
      .sources = {"close"},
      .params = {window_param(50, 2, "changes from bar to bar in the deviation, the current one included")},
      .warmup = "window",
      .neutral = "where all changes are equal: 1 of rises, 0 of falls, 0.5 in a flat market",
      .lower = lower_bulk_volume,
  }};
}

}  // namespace sentio::ops
