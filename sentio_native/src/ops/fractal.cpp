// FRACTAL_HIGH, FRACTAL_LOW: Williams' fractals, known once the bars that confirm them are there.
#include "kernels/extreme_age.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The turn is the window's one extreme where the first of equal ones and the latest are both `right` bars
// old.
NodeRef turn(Lowering& op, NodeRef first_age, NodeRef latest_age) {
  const auto right = op.real("right");
  return pointwise(op.graph(), "turn", {first_age, latest_age},
                   [right](const double* const* in, std::ptrdiff_t i) {
                     return in[0][i] == right && in[1][i] == right ? 100.0 : 0.0;
                   },
                   0, {right});
}

std::int64_t window_of(Lowering& op) {
  return op.integer("left") + 1 + op.integer("right");
}

NodeRef lower_fractal_high(Lowering& op) {
  return turn(op, highest_age<Ties::first>(op.graph(), op.in(0), window_of(op)),
              highest_age<Ties::latest>(op.graph(), op.in(0), window_of(op)));
}

NodeRef lower_fractal_low(Lowering& op) {
  return turn(op, lowest_age<Ties::first>(op.graph(), op.in(0), window_of(op)),
              lowest_age<Ties::latest>(op.graph(), op.in(0), window_of(op)));
}

OpInfo fractal(std::string_view name, std::string_view summary, std::string_view column,
               std::string_view talib, NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Williams, Trading Chaos (1995); TA-Lib FRACTAL. The turn was `right` bars ago: it is told "
          "at the bar that confirms it, and no earlier bar's value ever changes",
      .columns = {column},
      .params = {{"left", ParamType::integer, 1, kMaxWindow / 2, 2, "bars before the turn"},
                 {"right", ParamType::integer, 1, kMaxWindow / 2, 2,
                  "bars after the turn, which confirm it"}},
      .warmup = "left + right",
      .scale = "100",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> fractal() {
  return {
      fractal("FRACTAL_HIGH",
              "100 where the high of `right` bars ago is above all those of `left` bars before it and of "
              "the bars since, else 0",
              "high", "FRACTAL(leftbars=left, rightbars=right).swinghigh", lower_fractal_high),
      fractal("FRACTAL_LOW",
              "100 where the low of `right` bars ago is below all those of `left` bars before it and of "
              "the bars since, else 0",
              "low", "FRACTAL(leftbars=left, rightbars=right).swinglow", lower_fractal_low),
  };
}

}  // namespace sentio::ops
