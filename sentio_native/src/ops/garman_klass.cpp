// GARMAN_KLASS: volatility from the bars' ranges and bodies.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// A bar's variance. A range of a few last places can round to less than the move inside it, hence the bound.
constexpr auto bar_variance = [](const double* const* in, std::ptrdiff_t i) {
  constexpr double kTwoLn2Minus1 = 0.3862943611198906;
  const double range = log_quotient(in[1][i], in[2][i]);
  const double move = log_quotient(in[3][i], in[0][i]);
  return larger(0.5 * (range * range) - kTwoLn2Minus1 * (move * move), 0.0);
};

NodeRef lower_garman_klass(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef variance =
      pointwise(graph, "garman_klass_bar", {op.in(0), op.in(1), op.in(2), op.in(3)}, bar_variance);
  const auto divisor = static_cast<double>(window);
  return pointwise(
      graph, "root_mean", {window_sum(graph, variance, window)},
      [divisor](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i] / divisor); }, 0,
      {divisor});
}

}  // namespace

std::vector<OpInfo> garman_klass() {
  return {{
      .name = "GARMAN_KLASS",
      .version = 3,
      .summary =
          "Volatility a bar: sqrt(mean(log(high / low)^2 / 2 - (2 log 2 - 1) log(close / open)^2)) over "
          "`window` bars",
      .definition =
          "Garman and Klass, On the estimation of security price volatilities from historical data, "
          "Journal of Business 53 (1980), 67-78, the practical estimator",
      .columns = {"open", "high", "low", "close"},
      .params = {window_param(20, 1)},
      .warmup = "window - 1",
      .lower = lower_garman_klass,
  }};
}

}  // namespace sentio::ops
