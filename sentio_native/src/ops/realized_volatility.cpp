// REALIZED_VOLATILITY, BIPOWER_VARIATION: how much a price varied, with its jumps and without.
#include <cmath>

#include "kernels/portable_math.hpp"
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

// pi / 2 is 1 / mu^2, with mu the mean magnitude of a standard normal variable.
NodeRef lower_bipower_variation(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef size = magnitude(graph, log_return(graph, op.in(0), 1));
  const NodeRef products = pointwise(
      graph, "with_before", {size},
      [](const double* const* in, std::ptrdiff_t i) { return in[0][i] * in[0][i - 1]; }, 1);
  return pointwise(graph, "half_pi_times", {window_sum(graph, products, op.integer("window"))},
                   [](const double* const* in, std::ptrdiff_t i) { return kPi / 2.0 * in[0][i]; });
}

}  // namespace

std::vector<OpInfo> realized_volatility() {
  return {
      {
          .name = "REALIZED_VOLATILITY",
          .version = 3,
          .summary = "Volatility of the whole window: root of the sum of `window` squared log returns",
          .definition = "Andersen and Bollerslev, Answering the skeptics (1998)",
          .sources = {"close"},
          .params = {window_param(20, 1)},
          .warmup = "window",
          .lower = lower_realized_volatility,
      },
      {
          .name = "BIPOWER_VARIATION",
          .version = 2,
          .summary =
              "Variance of the whole window without its jumps: pi / 2 times the sum of `window` products "
              "of a log return's magnitude and the one's before",
          .definition = "Barndorff-Nielsen and Shephard, Power and bipower variation with stochastic "
                        "volatility and jumps, Journal of Financial Econometrics 2 (2004)",
          .sources = {"close"},
          .params = {window_param(20, 1, "products in the sum, of window + 1 returns")},
          .warmup = "window + 1",
          .scale = "0",
          .lower = lower_bipower_variation,
      },
  };
}

}  // namespace sentio::ops
