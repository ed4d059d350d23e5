// QUANTILE, RANK, PERCENTILE, PERCENTRANK: a window in order.
#include <cmath>

#include "kernels/order_statistics.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_percentile(Lowering& op) {
  const auto window = op.integer("window");
  const double rank = std::ceil(op.real("percent") * static_cast<double>(window) / 100.0);
  return at_place(op.graph(), op.in(0), window, larger(rank, 1.0) - 1.0);
}

NodeRef lower_percent_rank(Lowering& op) {
  return pointwise(op.graph(), "percent", {share_below(op.graph(), op.in(0), op.integer("window"))},
                   [](const double* const* in, std::ptrdiff_t i) { return 100.0 * in[0][i]; });
}

}  // namespace

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
      {
          .name = "PERCENTILE",
          .summary = "The least of the last `window` values that `percent` percent of them do not exceed",
          .definition = "the nearest rank: Hyndman and Fan (1996), definition 1; TA-Lib PERCENTILE",
          .sources = {"close"},
          .params = {window_param(30), {"percent", ParamType::real, 0, 100, 50, "percent; 50 is a median"}},
          .warmup = "window - 1",
          .scale = "source",
          .talib = "PERCENTILE(timeperiod=window, percentile=percent)",
          .lower = lower_percentile,
      },
      {
          .name = "PERCENTRANK",
          .summary = "Percent of the `window` values before that are below this one, 0 to 100",
          .definition = "Connors and Alvarez, An Introduction to ConnorsRSI (2012); TA-Lib PERCENTRANK",
          .sources = {"close"},
          .params = {window_param(100, 2, "bars in the window, the current one not included")},
          .warmup = "window",
          .scale = "100",
          .talib = "PERCENTRANK(timeperiod=window)",
          .lower = lower_percent_rank,
      },
  };
}

}  // namespace sentio::ops
