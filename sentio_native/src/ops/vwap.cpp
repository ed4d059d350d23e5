// VWAP: the volume-weighted average price; VWAP_DISTANCE, SESSION_VWAP_DISTANCE: how far the close is from
// it.
#include "kernels/session.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Each bar is taken at its typical price. None of its terms is negative, so the sums keep their digits
// uncentred.
NodeRef turnover(GraphBuilder& graph, NodeRef price, NodeRef volume) {
  return pointwise(graph, "turnover", {price, volume},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] * in[1][i]; });
}

NodeRef distance(GraphBuilder& graph, NodeRef close, NodeRef money, NodeRef volume) {
  const NodeRef vwap = pointwise(
      graph, "vwap", {money, volume},
      [](const double* const* in, std::ptrdiff_t i) { return in[1][i] > 0.0 ? in[0][i] / in[1][i] : 0.0; });
  return log_ratio(graph, close, vwap);
}

NodeRef lower_window(Lowering& op) {
  const auto window = op.integer("window");
  const NodeRef money = window_sum(op.graph(), turnover(op.graph(), op.in(1), op.in(2)), window);
  const NodeRef volume = window_sum(op.graph(), op.in(2), window);
  return distance(op.graph(), op.in(0), money, volume);
}

NodeRef lower_session(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef money = session_sum(graph, turnover(graph, op.in(1), op.in(2)));
  const NodeRef volume = session_sum(graph, op.in(2));
  return distance(graph, op.in(0), money, volume);
}

NodeRef lower_all(Lowering& op) {
  const NodeRef money = running_sum(op.graph(), turnover(op.graph(), op.in(0), op.in(1)));
  return pointwise(op.graph(), "vwap_or_price", {money, running_sum(op.graph(), op.in(1)), op.in(0)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     return in[1][i] > 0.0 ? in[0][i] / in[1][i] : in[2][i];
                   });
}

}  // namespace

std::vector<OpInfo> vwap() {
  return {
      {
          .name = "VWAP",
          .summary = "Volume-weighted average price of all bars so far, each at its typical price",
          .definition =
              "Berkowitz, Logue and Noser, The total cost of transactions on the NYSE (1988); TA-Lib "
              "VWAP",
          .columns = {"hlc3", "volume"},
          .memory = Memory::unbounded,
          .neutral = "the bar's typical price where nothing was traded yet (TA-Lib: 0)",
          .scale = "close",
          .talib = "VWAP()",
          .lower = lower_all,
      },
      {
          .name = "VWAP_DISTANCE",
          .version = 3,
          .summary = "log(close / VWAP of the last `window` bars), each bar at its typical price",
          .definition =
              "VWAP of Berkowitz, Logue and Noser, The total cost of transactions on the NYSE (1988)",
          .columns = {"close", "hlc3", "volume"},
          .params = {window_param(20, 1)},
          .warmup = "window - 1",
          .neutral = "0 where nothing was traded",
          .lower = lower_window,
      },
      {
          .name = "SESSION_VWAP_DISTANCE",
          .version = 3,
          .summary = "log(close / VWAP of the session so far), each bar at its typical price",
          .definition =
              "VWAP of Berkowitz, Logue and Noser, The total cost of transactions on the NYSE (1988)",
          .columns = {"close", "hlc3", "volume"},
          .memory = Memory::session,
          .neutral = "0 where nothing was traded yet",
          .lower = lower_session,
      },
  };
}

}  // namespace sentio::ops
