// AMIHUD, ABDI_RANALDO: what bars tell of illiquidity and of the spread.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// A turnover below this is none: what is divided by it would overflow in those who read it.
constexpr double kLeastTurnover = 0x1p-160;

NodeRef lower_amihud(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef close = op.in(0), volume = op.in(1);
  const auto window = op.integer("window");
  const NodeRef impact = pointwise(graph, "impact", {log_return(graph, close, 1), close, volume},
                                   [](const double* const* in, std::ptrdiff_t i) {
                                     const double turnover = in[1][i] * in[2][i];
                                     if (turnover < kLeastTurnover) return 0.0;
                                     return larger(in[0][i], -in[0][i]) / turnover;
                                   });
  const NodeRef traded =
      pointwise(graph, "traded", {close, volume}, [](const double* const* in, std::ptrdiff_t i) {
        return in[0][i] * in[1][i] < kLeastTurnover ? 0.0 : 1.0;
      });
  return pointwise(
      graph, "amihud", {window_sum(graph, impact, window), window_sum(graph, traded, window)},
      [](const double* const* in, std::ptrdiff_t i) { return in[1][i] > 0.0 ? in[0][i] / in[1][i] : 0.0; });
}

// With eta = (log high + log low) / 2, a bar's spread is sqrt(max(4 (c - eta)(c - eta'), 0)), where c and eta
// are of the bar before and eta' is of this one.
NodeRef lower_abdi_ranaldo(Lowering& op) {
  const NodeRef spread = pointwise(
      op.graph(), "abdi_ranaldo_bar", {op.in(0), op.in(1), op.in(2)},
      [](const double* const* in, std::ptrdiff_t i) {
        const double close = in[2][i - 1];
        const double before = log_ratio(close, in[0][i - 1]) + log_ratio(close, in[1][i - 1]);
        const double after = log_ratio(close, in[0][i]) + log_ratio(close, in[1][i]);
        return std::sqrt(larger(before * after, 0.0));
      },
      1);
  const auto window = op.integer("window");
  const auto count = static_cast<double>(window);
  return pointwise(op.graph(), "abdi_ranaldo", {window_sum(op.graph(), spread, window)},
                   [count](const double* const* in, std::ptrdiff_t i) { return in[0][i] / count; }, 0,
                   {count});
}

}  // namespace

std::vector<OpInfo> liquidity() {
  return {
      {
          .name = "AMIHUD",
          .summary =
              "Illiquidity: mean of |log return| / (close * volume) over those of `window` bars that traded",
          .definition = "Amihud, Illiquidity and stock returns (2002), equation 1",
          .columns = {"close", "volume"},
          .params = {window_param(20, 1)},
          .warmup = "window",
          .neutral = "0 where nothing was traded; a turnover below 2^-160 is none",
          .scale = "0",
          .unit = "1 / (close * volume)",
          .lower = lower_amihud,
      },
      {
          .name = "ABDI_RANALDO",
          .summary = "Effective spread over price, from close, high and low: mean of the two-bar estimates",
          .definition = "Abdi and Ranaldo, A simple estimation of bid-ask spreads (2017), two-day corrected",
          .columns = {"high", "low", "close"},
          .params = {window_param(20, 1)},
          .warmup = "window",
          .neutral = "0 for two bars whose estimate is negative",
          .lower = lower_abdi_ranaldo,
      },
  };
}

}  // namespace sentio::ops
