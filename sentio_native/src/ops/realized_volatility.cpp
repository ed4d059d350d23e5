// REALIZED_VOLATILITY: the root of the summed squared returns.
#include <cmath>

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// No mean is taken off: it is 0 only where no price moved, and |return over k bars| is at most sqrt(k) times
// it.
NodeRef lower_realized_volatility(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef squares =
      pointwise(graph, "square", {log_return(graph, op.in(0), 1)},
                [](const double* const* in, std::ptrdiff_t i) { return in[0][i] * in[0][i]; });
  return pointwise(graph, "root", {window_sum(graph, squares, op.integer("window"))},
                   [](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i]); });
}

}  // namespace

std::vector<OpInfo> realized_volatility() {
  return {{
      .name = "REALIZED_VOLATILITY",
      .summary = "Volatility of the whole window: root of the sum of `window` squared log returns",
      .definition = "Andersen and Bollerslev, Answering the skeptics (1998)",
      .sources = {"close"},
      .params = {window_param(20, 1)},
      .warmup = "window",
      .lower = lower_realized_volatility,
  }};
}

}  // namespace sentio::ops
