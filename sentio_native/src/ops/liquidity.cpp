// AMIHUD, KYLE_LAMBDA: how far prices move for what is traded.
#include "ops/joint_moments.hpp"
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

// Each bar's volume is signed by its close location value, as SIGNED_VOLUME is.
NodeRef lower_kyle_lambda(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const NodeRef high = op.in(0), low = op.in(1), close = op.in(2), volume = op.in(3);
  const NodeRef signed_volume = money_flow_volume(graph, high, low, close, volume);
  const NodeRef slope = slope_in(graph, signed_volume, log_return(graph, close, 1), window);
  return pointwise(graph, "product_held", {slope, moments(graph, volume, window).mean},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i] * in[1][i]); });
}

}  // namespace

std::vector<OpInfo> liquidity() {
  return {
      {
          .name = "AMIHUD",
          .version = 3,
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
          .name = "KYLE_LAMBDA",
          .version = 2,
          .summary =
              "Price impact: slope of log returns on signed volume over `window` bars, where volume is "
              "in multiples of the window's mean volume",
          .definition =
              "Kyle, Continuous auctions and insider trading, Econometrica 53 (1985): the price change is "
              "lambda times the net order flow; by least squares with an intercept, each bar's volume signed "
              "by its close location value as SIGNED_VOLUME is; of log returns and relative volume, so that "
              "it has no unit",
          .columns = {"high", "low", "close", "volume"},
          .params = {window_param(60)},
          .warmup = "window",
          .neutral = "0 where the signed volume does not vary; held within 1e60",
          .lower = lower_kyle_lambda,
      },
  };
}

}  // namespace sentio::ops
