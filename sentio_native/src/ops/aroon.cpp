// AROON_UP, AROON_DOWN, AROONOSC: how long ago the highest high and the lowest low were.
#include "kernels/extreme_age.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef since_high(Lowering& op) {
  return highest_age<Ties::latest>(op.graph(), op.in(0), op.integer("window") + 1);
}

NodeRef since_low(Lowering& op) {
  return lowest_age<Ties::latest>(op.graph(), op.in(1), op.integer("window") + 1);
}

NodeRef youth(Lowering& op, NodeRef age) {
  const double count = op.real("window");
  return pointwise(
      op.graph(), "youth", {age},
      [count](const double* const* in, std::ptrdiff_t i) { return 100.0 * ((count - in[0][i]) / count); }, 0,
      {count});
}

NodeRef lower_oscillator(Lowering& op) {
  const double count = op.real("window");
  return pointwise(
      op.graph(), "aroon_oscillator", {since_high(op), since_low(op)},
      [count](const double* const* in, std::ptrdiff_t i) { return 100.0 / count * (in[1][i] - in[0][i]); }, 0,
      {count});
}

OpInfo aroon_op(std::string_view name, std::string_view summary, std::string_view talib,
                NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = "Chande, A time price oscillator (1995); TA-Lib AROON and AROONOSC",
      .columns = {"high", "low"},
      .params = {window_param(14, 2, "bars back to the oldest one looked at")},
      .warmup = "window",
      .scale = "100",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> aroon() {
  return {
      aroon_op("AROON_UP",
               "Aroon up, 0 to 100: 100 on the highest high of window + 1 bars, falling with its age",
               "AROON(timeperiod=window).aroonup", [](Lowering& op) { return youth(op, since_high(op)); }),
      aroon_op("AROON_DOWN",
               "Aroon down, 0 to 100: 100 on the lowest low of window + 1 bars, falling with its age",
               "AROON(timeperiod=window).aroondown", [](Lowering& op) { return youth(op, since_low(op)); }),
      aroon_op("AROONOSC",
               "Aroon oscillator, -100 to 100: bars since the lowest low less bars since the highest high",
               "AROONOSC(timeperiod=window)", lower_oscillator),
  };
}

}  // namespace sentio::ops
