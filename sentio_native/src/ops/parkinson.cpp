// PARKINSON: volatility from the bars' ranges.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef lower_parkinson(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef squares = pointwise(graph, "log_range_squared", {op.in(0), op.in(1)},
                                    [](const double* const* in, std::ptrdiff_t i) {
                                      const double range = log_quotient(in[0][i], in[1][i]);
                                      return range * range;
                                    });
  constexpr double kFourLn2 = 2.772588722239781;
  const double divisor = kFourLn2 * static_cast<double>(window);
  return pointwise(
      graph, "parkinson", {window_sum(graph, squares, window)},
      [divisor](const double* const* in, std::ptrdiff_t i) { return std::sqrt(in[0][i] / divisor); }, 0,
      {divisor});
}

}  // namespace

std::vector<OpInfo> parkinson() {
  return {{
      .name = "PARKINSON",
      .version = 3,
      .summary =
          "Volatility a bar from high and low: sqrt(mean(log(high / low)^2) / (4 log 2)) over `window` bars",
      .definition = "Parkinson, The extreme value method for estimating the variance of the rate of return, "
                    "Journal of Business 53 (1980), 61-65",
      .columns = {"high", "low"},
      .params = {window_param(20, 1)},
      .warmup = "window - 1",
      .lower = lower_parkinson,
  }};
}

}  // namespace sentio::ops
