// ROGERS_SATCHELL, YANG_ZHANG: volatility from open, high, low and close, whatever the drift.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Columns: open, high, low, close. Both products are of two numbers of one sign, so the sum is nowhere
// negative.
NodeRef sum_of_variances(Lowering& op) {
  const NodeRef variance =
      pointwise(op.graph(), "rogers_satchell_bar", {op.in(0), op.in(1), op.in(2), op.in(3)},
                [](const double* const* in, std::ptrdiff_t i) {
                  const double open = in[0][i], high = in[1][i], low = in[2][i], close = in[3][i];
                  return log_quotient(high, close) * log_quotient(high, open) +
                         log_quotient(low, close) * log_quotient(low, open);
                });
  return window_sum(op.graph(), variance, op.integer("window"));
}

NodeRef lower_rogers_satchell(Lowering& op) {
  const auto count = static_cast<double>(op.integer("window"));
  return pointwise(op.graph(), "root_mean", {sum_of_variances(op)},
                   [count](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i] / count); },
                   0, {count});
}

NodeRef lower_yang_zhang(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const auto n = static_cast<double>(window);
  const NodeRef overnight = log_ratio(graph, op.in(0), delayed(graph, op.in(3), 1));
  const NodeRef session = log_ratio(graph, op.in(3), op.in(0));
  // The weight of the least variance; 1.34 is the paper's choice of alpha.
  const double k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0));
  return pointwise(graph, "yang_zhang",
                   {moments(graph, overnight, window).variance, moments(graph, session, window).variance,
                    sum_of_variances(op)},
                   [n, k](const double* const* in, std::ptrdiff_t i) {
                     const double of_moves = (in[0][i] + k * in[1][i]) * (n / (n - 1.0));
                     return std::sqrt(of_moves + (1.0 - k) * (in[2][i] / n));
                   },
                   0, {n});
}

}  // namespace

std::vector<OpInfo> rogers_satchell() {
  return {
      {
          .name = "ROGERS_SATCHELL",
          .version = 3,
          .summary =
              "Volatility a bar, independent of drift: root of the mean of ln(h/c) ln(h/o) + ln(l/c) ln(l/o)",
          .definition = "Rogers and Satchell, Estimating variance from high, low and closing prices (1991)",
          .columns = {"open", "high", "low", "close"},
          .params = {window_param(20, 1)},
          .warmup = "window - 1",
          .lower = lower_rogers_satchell,
      },
      {
          .name = "YANG_ZHANG",
          .version = 2,
          .summary = "Volatility a bar, gaps between bars included, independent of drift: root of the gaps' "
                     "variance, plus k times that from open to close, plus 1 - k times Rogers and Satchell's",
          .definition =
              "Yang and Zhang, Drift-independent volatility estimation based on high, low, open and close "
              "prices, Journal of Business 73 (2000), with k = 0.34 / (1.34 + (window + 1) / (window - 1)) "
              "and sample variances",
          .columns = {"open", "high", "low", "close"},
          .params = {window_param(20)},
          .warmup = "window",
          .lower = lower_yang_zhang,
      },
  };
}

}  // namespace sentio::ops
