// ACCBANDS_UPPER, ACCBANDS_MIDDLE, ACCBANDS_LOWER: averages of highs, closes and lows, the outer ones moved
// out by the bars' ranges.
#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// price (1 + width (high - low) / (high + low)), averaged.
NodeRef lower_band(Lowering& op, NodeRef price, double width) {
  const NodeRef moved = pointwise(op.graph(), "moved_by_range", {op.in(0), op.in(1), price},
                                  [width](const double* const* in, std::ptrdiff_t i) {
                                    const double range = in[0][i] - in[1][i], sum = in[0][i] + in[1][i];
                                    return in[2][i] + in[2][i] * (width * range / sum);
                                  },
                                  0, {width});
  return sma(op.graph(), moved, op.integer("window"));
}

constexpr double kWidth = 4.0;  // Headley's

OpInfo band(std::string_view name, std::string_view summary, std::string_view scale,
            std::vector<std::string_view> columns, std::string_view talib, NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = "Headley, Big Trends in Trading (2002); TA-Lib ACCBANDS",
      .columns = std::move(columns),
      .params = {window_param(20)},
      .warmup = "window - 1",
      .scale = scale,
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> accbands() {
  return {
      band("ACCBANDS_UPPER",
           "Upper acceleration band: mean of high (1 + 4 (high - low) / (high + low)) over `window` bars",
           "high", {"high", "low"}, "ACCBANDS(timeperiod=window).upperband",
           [](Lowering& op) { return lower_band(op, op.in(0), kWidth); }),
      band("ACCBANDS_MIDDLE", "Middle of the acceleration bands: the mean of the last `window` closes",
           "close", {"close"}, "ACCBANDS(timeperiod=window).middleband",
           [](Lowering& op) { return sma(op.graph(), op.in(0), op.integer("window")); }),
      band("ACCBANDS_LOWER",
           "Lower acceleration band: mean of low (1 - 4 (high - low) / (high + low)) over `window` bars",
           "high", {"high", "low"}, "ACCBANDS(timeperiod=window).lowerband",
           [](Lowering& op) { return lower_band(op, op.in(1), -kWidth); }),
  };
}

}  // namespace sentio::ops
