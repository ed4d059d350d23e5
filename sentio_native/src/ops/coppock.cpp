// COPPOCK: Coppock's curve, a weighted mean of two rates of change.
#include <algorithm>

#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// By the difference, since a ratio less 1 keeps no digit of a small change.
double change_in_percent(double now, double before) noexcept {
  return before != 0.0 ? held(100.0 * ((now - before) / before)) : 0.0;
}

NodeRef lower_coppock(Lowering& op) {
  const auto shorter = op.integer("short"), longer = op.integer("long");
  const NodeRef both = pointwise(
      op.graph(), "two_rates_of_change", {op.in(0)},
      [=](const double* const* in, std::ptrdiff_t i) {
        const double now = in[0][i];
        return held(change_in_percent(now, in[0][i - shorter]) + change_in_percent(now, in[0][i - longer]));
      },
      std::max(shorter, longer), {static_cast<double>(shorter), static_cast<double>(longer)});
  return wma(op.graph(), both, op.integer("window"));
}

}  // namespace

std::vector<OpInfo> coppock() {
  return {{
      .name = "COPPOCK",
      .summary = "Coppock curve: the sum of two rates of change in percent, averaged over `window` bars with "
                 "weights that rise to the newest",
      .definition =
          "Coppock, Practical relative strength charting, Barron's (1962): ROC + ROC, weights 1, 2, ..., "
          "window; TA-Lib COPPOCK",
      .sources = {"close"},
      .params = {window_param(10, 2, "bars in the weighted mean"),
                 {"short", ParamType::integer, 1, kMaxWindow, 11, "bars of one rate of change"},
                 {"long", ParamType::integer, 1, kMaxWindow, 14, "bars of the other one"}},
      .warmup = "max(short, long) + window - 1",
      .neutral = "a change from 0 counts 0; held within 1e60",
      .scale = "100",
      .talib = "COPPOCK(wmaperiod=window, roc1period=short, roc2period=long)",
      .lower = lower_coppock,
  }};
}

}  // namespace sentio::ops
