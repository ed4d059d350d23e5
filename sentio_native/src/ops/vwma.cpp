// VWMA: the mean of the last values, each weighted by its bar's volume.
#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Sums about the anchor, plain and weighted.
struct WeightedMeanFold {
  struct Value {
    double plain, weighted, weights;
  };
  double window;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double d = in[0][i] - in[0][anchor];
    return {d, d * in[1][i], in[1][i]};
  }
  Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    const double step = in[0][from] - in[0][to];
    return {v.plain + rows * step, v.weighted + step * v.weights, v.weights};
  }
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    const double shift = all.weights > 0.0 ? all.weighted / all.weights : all.plain / window;
    out[0][i] = in[0][anchor] + shift;
  }
};

NodeRef lower_vwma(Lowering& op) {
  const auto window = op.integer("window");
  return window_fold(op.graph(), "weighted_mean", {op.in(0), op.in(1)}, window,
                     WeightedMeanFold{static_cast<double>(window)});
}

}  // namespace

std::vector<OpInfo> vwma() {
  return {{
      .name = "VWMA",
      .summary = "Volume-weighted moving average of the last `window` values",
      .definition = "sum of x volume over the sum of volume; TA-Lib VWMA",
      .sources = {"close"},
      .columns = {"volume"},
      .params = {window_param(30)},
      .warmup = "window - 1",
      .neutral = "the plain mean where nothing was traded (TA-Lib: NaN)",
      .scale = "source",
      .talib = "VWMA(timeperiod=window)",
      .lower = lower_vwma,
  }};
}

}  // namespace sentio::ops
