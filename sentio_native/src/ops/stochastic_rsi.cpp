// STOCHRSI_K, STOCHRSI_D: where the relative strength index lies within its own last range.
#include <memory>

#include "kernels/moving_average.hpp"
#include "ops/rsi.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// The rises' and the falls' share of both, in percent: the index, and 100 less the index. Where the source
// rests both averages fall by one factor, so that the index rests too: it is kept, since its roundings are no
// moves.
class Shares final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    const double *up = block.in[0], *down = block.in[1], *x = block.in[2];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double both = up[i] + down[i];
      if (block.first + i == 0 || x[i] != x[i - 1]) {
        of_rises_ = both > 0.0 ? 100.0 * (up[i] / both) : 50.0;
        of_falls_ = both > 0.0 ? 100.0 * (down[i] / both) : 50.0;
      }
      block.out[0][i] = of_rises_;
      block.out[1][i] = of_falls_;
    }
  }
  void state(StateArchive& archive) override {
    archive(of_rises_);
    archive(of_falls_);
  }

 private:
  double of_rises_ = 0, of_falls_ = 0;
};

// By the smaller of the two shares, which keeps its digits: after a leap the index may stay within a
// millionth of 100 for long.
NodeRef lower_k(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto period = op.integer("k_period");
  const Moves moves = average_moves(graph, op.in(0), op.integer("window"));
  const NodeRef rises = graph.add(
      {"shares", {}, {moves.up, moves.down, op.in(0)}}, {.lag = {0, 0, 1}},
      [] { return std::make_unique<Shares>(); }, 2);
  const NodeRef falls = {rises.node, 1};
  return pointwise(graph, "stochastic_rsi",
                   {rises, highest(graph, rises, period), lowest(graph, rises, period), falls,
                    highest(graph, falls, period), lowest(graph, falls, period)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const bool by_rises = in[0][i] < in[3][i];
                     const double way = by_rises ? in[0][i] - in[2][i] : in[4][i] - in[3][i];
                     const double range = by_rises ? in[1][i] - in[2][i] : in[4][i] - in[5][i];
                     return range > 0.0 ? 100.0 * (way / range) : 50.0;
                   });
}

NodeRef lower_d(Lowering& op) {
  return moving_average(op.graph(), lower_k(op), op.integer("d_period"),
                        static_cast<AverageType>(op.integer("d_ma_type")));
}

OpInfo stochastic_rsi_of(std::string_view name, std::string_view summary, std::string_view warmup,
                         std::string_view talib, NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Chande and Kroll, The New Technical Trader (1994), %K of RSI and its average; TA-Lib "
          "STOCHRSI but for the start of averages made of EMA, which is that of EMA",
      .sources = {"close"},
      .params = {window_param(14, 2, "bars in the averages of RSI"),
                 {"k_period", ParamType::integer, 2, kMaxWindow, 5, "values of RSI in its range"}},
      .warmup = warmup,
      .memory = Memory::decaying,
      .neutral = "%K is 50 where RSI rests (TA-Lib: 0)",
      .scale = "100",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> stochastic_rsi() {
  OpInfo smoothed =
      stochastic_rsi_of("STOCHRSI_D", "%D of RSI: the chosen average over `d_period` values of STOCHRSI_K",
                        "window + k_period - 1 + average_warmup(d_period, d_ma_type)",
                        "STOCHRSI(timeperiod=window, fastk_period=k_period, fastd_period=d_period, "
                        "fastd_matype=d_ma_type).fastd",
                        lower_d);
  smoothed.params.push_back({"d_period", ParamType::integer, 1, kMaxWindow, 3, "values of %K in %D"});
  smoothed.params.push_back(
      average_type_param("d_ma_type", AverageType::sma, "which average makes %D, by TA-Lib's number"));
  return {stochastic_rsi_of(
              "STOCHRSI_K", "%K of RSI, 0 to 100: RSI within the highest and lowest of its last `k_period`",
              "window + k_period - 1",
              "STOCHRSI(timeperiod=window, fastk_period=k_period, fastd_period=1).fastk", lower_k),
          smoothed};
}

}  // namespace sentio::ops
