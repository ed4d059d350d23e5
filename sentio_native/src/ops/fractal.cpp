// FRACTAL_HIGH, FRACTAL_LOW: Williams' fractals, known once the bars that confirm them are there.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// 100 where sign * (the value `right` rows ago) is above all of the `left` before it and the `right` after.
template <int sign>
NodeRef lower_fractal(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto left = op.integer("left"), right = op.integer("right");
  const auto extreme = [&](std::int64_t window) {
    return sign > 0 ? highest(graph, op.in(0), window) : lowest(graph, op.in(0), window);
  };
  return pointwise(graph, sign > 0 ? "fractal_high" : "fractal_low",
                   {op.in(0), extreme(left), extreme(right)},
                   [right](const double* const* in, std::ptrdiff_t i) {
                     const double turn = sign * in[0][i - right];
                     const double before = sign * in[1][i - right - 1], after = sign * in[2][i];
                     return turn > before && turn > after ? 100.0 : 0.0;
                   },
                   {right, right + 1, 0});
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
      .params = {{"left", ParamType::integer, 1, kMaxWindow, 2, "bars before the turn"},
                 {"right", ParamType::integer, 1, kMaxWindow, 2, "bars after the turn, which confirm it"}},
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
              "high", "FRACTAL(leftbars=left, rightbars=right).swinghigh", lower_fractal<1>),
      fractal("FRACTAL_LOW",
              "100 where the low of `right` bars ago is below all those of `left` bars before it and of "
              "the bars since, else 0",
              "low", "FRACTAL(leftbars=left, rightbars=right).swinglow", lower_fractal<-1>),
  };
}

}  // namespace sentio::ops
