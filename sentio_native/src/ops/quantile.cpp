// QUANTILE, RANK: a window in order.
#include "kernels/order_statistics.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {

std::vector<OpInfo> quantile() {
  return {
      {
          .name = "QUANTILE",
          .summary = "The value that a share `q` of the last `window` values lies below; 0.5 is the median",
          .definition = "linear between two values: Hyndman and Fan, Sample quantiles (1996), definition 7",
          .sources = {"close"},
          .params = {window_param(20), {"q", ParamType::real, 0, 1, 0.5, "the share, 0 to 1"}},
          .warmup = "window - 1",
          .scale = "source",
          .lower =
              [](Lowering& op) {
                return sentio::quantile(op.graph(), op.in(0), op.integer("window"), op.real("q"));
              },
      },
      {
          .name = "RANK",
          .summary = "Rank of a value among the last `window` values over `window`; 1 is the highest alone",
          .definition = "the percentage rank, equal values sharing the mean of their ranks; qlib Alpha158",
          .sources = {"close"},
          .params = {window_param(20)},
          .warmup = "window - 1",
          .lower = [](Lowering& op) { return rank(op.graph(), op.in(0), op.integer("window")); },
      },
  };
}

}  // namespace sentio::ops
