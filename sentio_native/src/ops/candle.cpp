// RELATIVE_RANGE, CANDLE_BODY, UPPER_SHADOW, LOWER_SHADOW, CLOSE_LOCATION: the shape of one bar.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

template <double (*part)(double open, double high, double low, double close) noexcept>
NodeRef share_of_range(Lowering& op, const char* name) {
  return pointwise(op.graph(), name, {op.in(0), op.in(1), op.in(2), op.in(3)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double range = in[1][i] - in[2][i];
                     return range > 0.0 ? part(in[0][i], in[1][i], in[2][i], in[3][i]) / range : 0.0;
                   });
}

double body(double open, double, double, double close) noexcept {
  return close - open;
}
double above(double open, double high, double, double close) noexcept {
  return high - larger(open, close);
}
double below(double open, double, double low, double close) noexcept {
  return smaller(open, close) - low;
}

NodeRef lower_close_location(Lowering& op) {
  return pointwise(op.graph(), "close_location", {op.in(0), op.in(1), op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double high = in[0][i], low = in[1][i], close = in[2][i], range = high - low;
                     return range > 0.0 ? ((close - low) - (high - close)) / range : 0.0;
                   });
}

NodeRef lower_relative_range(Lowering& op) {
  return pointwise(
      op.graph(), "relative_range", {op.in(0), op.in(1), op.in(2)},
      [](const double* const* in, std::ptrdiff_t i) { return (in[0][i] - in[1][i]) / in[2][i]; });
}

OpInfo shape(std::string_view name, std::string_view summary, NodeRef (*lower)(Lowering&),
             std::string_view talib = "") {
  return {
      .name = name,
      .summary = summary,
      .definition = "Nison, Japanese Candlestick Charting Techniques (1991); qlib Alpha158",
      .columns = {"open", "high", "low", "close"},
      .neutral = "0 on a flat bar",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> candle() {
  return {
      {
          .name = "RELATIVE_RANGE",
          .summary = "A bar's range over its close: (high - low) / close",
          .definition = "qlib Alpha158, KLEN, but over the close",
          .columns = {"high", "low", "close"},
          .lower = lower_relative_range,
      },
      {
          .name = "CLOSE_LOCATION",
          .summary = "Close location value, -1 to 1: ((close - low) - (high - close)) / (high - low)",
          .definition =
              "Chaikin's close location value; Achelis, Technical Analysis from A to Z, 2nd ed. (2001)",
          .columns = {"high", "low", "close"},
          .neutral = "0 on a flat bar",
          .lower = lower_close_location,
      },
      shape(
          "CANDLE_BODY", "Body over range, -1 to 1: (close - open) / (high - low)",
          [](Lowering& op) { return share_of_range<body>(op, "candle_body"); }, "BOP()"),
      shape("UPPER_SHADOW", "Upper shadow over range, 0 to 1: (high - max(open, close)) / (high - low)",
            [](Lowering& op) { return share_of_range<above>(op, "upper_shadow"); }),
      shape("LOWER_SHADOW", "Lower shadow over range, 0 to 1: (min(open, close) - low) / (high - low)",
            [](Lowering& op) { return share_of_range<below>(op, "lower_shadow"); }),
  };
}

}  // namespace sentio::ops
