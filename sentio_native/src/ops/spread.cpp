// ABDI_RANALDO, CORWIN_SCHULTZ, ROLL: the bid-ask spread over the price, estimated from bars.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "kernels/portable_math.hpp"
#include "ops/joint_moments.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef mean_of(Lowering& op, NodeRef spread) {
  const auto count = static_cast<double>(op.integer("window"));
  return pointwise(op.graph(), "mean_spread", {window_sum(op.graph(), spread, op.integer("window"))},
                   [count](const double* const* in, std::ptrdiff_t i) { return in[0][i] / count; }, 0,
                   {count});
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
  return mean_of(op, spread);
}

// The estimate of one bar and the one before; beta, gamma and alpha are the paper's.
double corwin_schultz(double high, double low, double high_before, double low_before, double close_before) {
  // A gap between the bars is none of the spread's: this bar is moved to where the other closed. Its range is
  // less than the price that it is taken from, so that no price is lost.
  const double range = high - low;
  if (low > close_before) {
    low = close_before;
    high = close_before + range;
  } else if (high < close_before) {
    high = close_before;
    low = close_before - range;
  }
  const double here = log_ratio(high, low), before = log_ratio(high_before, low_before);
  const double both = log_ratio(larger(high, high_before), smaller(low, low_before));
  const double beta = here * here + before * before;
  constexpr double kDivisor = 0.1715728752538099;  // 3 - 2 sqrt(2)
  const double alpha = (std::sqrt(2.0 * beta) - std::sqrt(beta)) / kDivisor - both / std::sqrt(kDivisor);
  if (alpha <= 0.0) return 0.0;
  const double growth = portable_exp(alpha);
  return 2.0 * (growth - 1.0) / (1.0 + growth);
}

NodeRef lower_corwin_schultz(Lowering& op) {
  const NodeRef spread = pointwise(
      op.graph(), "corwin_schultz_bar", {op.in(0), op.in(1), op.in(2)},
      [](const double* const* in, std::ptrdiff_t i) {
        return corwin_schultz(in[0][i], in[1][i], in[0][i - 1], in[1][i - 1], in[2][i - 1]);
      },
      1);
  return mean_of(op, spread);
}

// A covariance of less than this share of the deviations' product is what rounding leaves of none.
constexpr double kLeastCorrelation = 0x1p-40;

struct RollFold : JointSums {
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t, const Value& all,
              double* const* out) const noexcept {
    const double mean_a = all.a * per_row, mean_b = all.b * per_row;
    const double aa = larger(all.aa - all.a * mean_a, 0.0), bb = larger(all.bb - all.b * mean_b, 0.0);
    const double reversal = all.a * mean_b - all.ab;
    const bool reverses = reversal > kLeastCorrelation * (std::sqrt(aa) * std::sqrt(bb));
    out[0][i] = reverses ? 2.0 * std::sqrt(reversal * per_row) : 0.0;
  }
};

NodeRef lower_roll(Lowering& op) {
  const auto window = op.integer("window");
  const NodeRef move = log_return(op.graph(), op.in(0), 1);
  return window_fold(op.graph(), "roll", {move, delayed(op.graph(), move, 1)}, window,
                     RollFold{{1.0 / static_cast<double>(window)}});
}

}  // namespace

std::vector<OpInfo> spread() {
  return {
      {
          .name = "ABDI_RANALDO",
          .version = 3,
          .summary = "Effective spread over price, from close, high and low: mean of the two-bar estimates",
          .definition = "Abdi and Ranaldo, A simple estimation of bid-ask spreads (2017), two-day corrected",
          .columns = {"high", "low", "close"},
          .params = {window_param(20, 1)},
          .warmup = "window",
          .neutral = "0 for two bars whose estimate is negative",
          .lower = lower_abdi_ranaldo,
      },
      {
          .name = "CORWIN_SCHULTZ",
          .version = 2,
          .summary =
              "Bid-ask spread over price, from highs and lows: mean of the two-bar estimates, of which "
              "`window`",
          .definition =
              "Corwin and Schultz, A simple way to estimate bid-ask spreads from daily high and low prices, "
              "Journal of Finance 67 (2012): 2 (e^alpha - 1) / (1 + e^alpha), with alpha of the squared log "
              "ranges of two bars (beta) and of both together (gamma); gaps taken out as there",
          .columns = {"high", "low", "close"},
          .params = {window_param(20, 1)},
          .warmup = "window",
          .neutral = "0 for two bars whose estimate is negative",
          .lower = lower_corwin_schultz,
      },
      {
          .name = "ROLL",
          .version = 2,
          .summary = "Effective spread over price, from the bounce between bid and ask: twice the root of "
                     "minus the covariance of `window` log returns with those before them",
          .definition = "Roll, A simple implicit measure of the effective bid-ask spread in an efficient "
                        "market, Journal of Finance 39 (1984): 2 sqrt(-cov); of log returns, so that it is a "
                        "share of the price, with the population covariance",
          .sources = {"close"},
          .params = {window_param(60)},
          .warmup = "window + 1",
          .neutral = "0 where the covariance is not negative, or within rounding of 0: 2^-40 of the "
                     "deviations' product",
          .lower = lower_roll,
      },
  };
}

}  // namespace sentio::ops
