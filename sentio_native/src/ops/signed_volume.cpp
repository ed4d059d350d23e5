// SIGNED_VOLUME, CHAIKIN_MONEY_FLOW: volume, signed by where in its range a bar closes.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef signed_volume_of(Lowering& op) {
  return money_flow_volume(op.graph(), op.in(0), op.in(1), op.in(2), op.in(3));
}

NodeRef lower_money_flow(Lowering& op) {
  const auto window = op.integer("window");
  const NodeRef flow = window_sum(op.graph(), signed_volume_of(op), window);
  return pointwise(
      op.graph(), "chaikin_money_flow", {flow, window_sum(op.graph(), op.in(3), window)},
      [](const double* const* in, std::ptrdiff_t i) { return in[1][i] > 0.0 ? in[0][i] / in[1][i] : 0.0; });
}

}  // namespace

std::vector<OpInfo> signed_volume() {
  return {
      {
          .name = "SIGNED_VOLUME",
          .summary = "Close location value times volume: what a bar tells of the sign of its trades",
          .definition =
              "Chaikin's money flow volume; Achelis, Technical Analysis from A to Z, 2nd ed. (2001)",
          .columns = {"high", "low", "close", "volume"},
          .neutral = "0 on a flat bar",
          .scale = "volume",
          .lower = signed_volume_of,
      },
      {
          .name = "CHAIKIN_MONEY_FLOW",
          .version = 2,
          .summary = "Signed volume over volume, both summed over `window` bars, -1 to 1",
          .definition = "Chaikin; Achelis, Technical Analysis from A to Z, 2nd ed. (2001)",
          .columns = {"high", "low", "close", "volume"},
          .params = {window_param(21, 1)},
          .warmup = "window - 1",
          .neutral = "0 where nothing was traded",
          .talib = "CMF(timeperiod=window)",
          .lower = lower_money_flow,
      },
  };
}

}  // namespace sentio::ops
