// STOCHASTIC_*, SLOW_STOCHASTIC_*, KDJ_*: where the close lies within the range of the last bars.
#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef fast_k(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  return pointwise(graph, "stochastic_k",
                   {highest(graph, op.in(0), window), lowest(graph, op.in(1), window), op.in(2)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double range = in[0][i] - in[1][i];
                     return range > 0.0 ? 100.0 * ((in[2][i] - in[1][i]) / range) : 50.0;
                   });
}

NodeRef fast_d(Lowering& op) {
  return moments(op.graph(), fast_k(op), op.integer("d_period")).mean;
}

NodeRef slow_k(Lowering& op) {
  return moving_average(op.graph(), fast_k(op), op.integer("k_period"),
                        static_cast<AverageType>(op.integer("k_ma_type")));
}

NodeRef slow_d(Lowering& op) {
  return moving_average(op.graph(), slow_k(op), op.integer("d_period"),
                        static_cast<AverageType>(op.integer("d_ma_type")));
}

NodeRef lower_j(Lowering& op) {
  return pointwise(
      op.graph(), "kdj_j", {slow_k(op), slow_d(op)},
      [](const double* const* in, std::ptrdiff_t i) { return in[0][i] + 2.0 * (in[0][i] - in[1][i]); });
}

struct Description {
  std::string_view name, summary, definition, talib;
};

constexpr std::string_view kNeutral = "%K is 50 where the window has no range (TA-Lib: 0)";

OpInfo stochastic_of(const Description& told, std::vector<ParamInfo> params, std::string_view warmup,
                     Memory memory, NodeRef (*lower)(Lowering&)) {
  return {
      .name = told.name,
      .summary = told.summary,
      .definition = told.definition,
      .columns = {"high", "low", "close"},
      .params = std::move(params),
      .warmup = warmup,
      .memory = memory,
      .neutral = kNeutral,
      .scale = "100",
      .talib = told.talib,
      .lower = lower,
  };
}

constexpr std::string_view kFast = "Lane, Lane's stochastics, Stocks and Commodities 2 (1984); TA-Lib STOCHF";
constexpr std::string_view kSlow =
    "Lane, Lane's stochastics, Stocks and Commodities 2 (1984); TA-Lib STOCH, and with one average alone "
    "TA-Lib's STOCHF of that type, but for the start of averages made of EMA, which is that of EMA";
constexpr std::string_view kKdj =
    "%K and %D by Wilder's averages, and what they lead to; TA-Lib KDJ but for the start of averages made of "
    "EMA, which is that of EMA";
constexpr std::string_view kWarmupK = "window - 1 + average_warmup(k_period, k_ma_type)";
constexpr std::string_view kWarmupD =
    "window - 1 + average_warmup(k_period, k_ma_type) + average_warmup(d_period, d_ma_type)";

// The windows of a slow stochastic, and which averages they are smoothed by.
std::vector<ParamInfo> slow_params(double window, AverageType usual, bool with_d) {
  std::vector<ParamInfo> params = {
      window_param(window, 1),
      {"k_period", ParamType::integer, 1, kMaxWindow, 3, "values of fast %K in %K"},
      average_type_param("k_ma_type", usual, "which average makes %K, by TA-Lib's number"),
  };
  if (with_d) {
    params.push_back({"d_period", ParamType::integer, 1, kMaxWindow, 3, "values of %K in %D"});
    params.push_back(average_type_param("d_ma_type", usual, "which average makes %D, by TA-Lib's number"));
  }
  return params;
}

}  // namespace

std::vector<OpInfo> stochastic() {
  using enum AverageType;
  return {
      stochastic_of({"STOCHASTIC_K",
                     "Fast %K, 0 to 100: the close within the highest high and lowest low of `window` bars",
                     kFast, "STOCHF(fastk_period=window, fastd_period=1).fastk"},
                    {window_param(14, 1)}, "window - 1", Memory::window, fast_k),
      stochastic_of({"STOCHASTIC_D", "Fast %D, 0 to 100: the mean of the last `d_period` values of %K", kFast,
                     "STOCHF(fastk_period=window, fastd_period=d_period).fastd"},
                    {window_param(14, 1),
                     {"d_period", ParamType::integer, 1, kMaxWindow, 3, "values of %K in the mean"}},
                    "window + d_period - 2", Memory::window, fast_d),
      stochastic_of(
          {"SLOW_STOCHASTIC_K", "Slow %K: the chosen average over `k_period` values of STOCHASTIC_K", kSlow,
           "STOCH(fastk_period=window, slowk_period=k_period, slowk_matype=k_ma_type, "
           "slowd_period=1).slowk"},
          slow_params(5, sma, false), kWarmupK, Memory::decaying, slow_k),
      stochastic_of({"SLOW_STOCHASTIC_D",
                     "Slow %D: the chosen average over `d_period` values of SLOW_STOCHASTIC_K", kSlow,
                     "STOCH(fastk_period=window, slowk_period=k_period, slowk_matype=k_ma_type, "
                     "slowd_period=d_period, slowd_matype=d_ma_type).slowd"},
                    slow_params(5, sma, true), kWarmupD, Memory::decaying, slow_d),
      stochastic_of(
          {"KDJ_K", "K of KDJ: SLOW_STOCHASTIC_K by Wilder's average unless another is chosen", kKdj,
           "KDJ(fastk_period=window, slowk_period=k_period, slowk_matype=k_ma_type, "
           "slowd_period=1).k"},
          slow_params(9, rma, false), kWarmupK, Memory::decaying, slow_k),
      stochastic_of(
          {"KDJ_D", "D of KDJ: SLOW_STOCHASTIC_D by Wilder's averages unless others are chosen", kKdj,
           "KDJ(fastk_period=window, slowk_period=k_period, slowk_matype=k_ma_type, "
           "slowd_period=d_period, slowd_matype=d_ma_type).d"},
          slow_params(9, rma, true), kWarmupD, Memory::decaying, slow_d),
      stochastic_of({"KDJ_J", "J of KDJ: 3 KDJ_K - 2 KDJ_D", kKdj,
                     "KDJ(fastk_period=window, slowk_period=k_period, slowk_matype=k_ma_type, "
                     "slowd_period=d_period, slowd_matype=d_ma_type).j"},
                    slow_params(9, rma, true), kWarmupD, Memory::decaying, lower_j),
  };
}

}  // namespace sentio::ops
