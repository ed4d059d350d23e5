// CVI, MASSI: what the averages of a bar's range tell of a turn.
#include "ops/op_file.hpp"
#include "ops/rate_of_change.hpp"

namespace sentio::ops {
namespace {

NodeRef average_range(Lowering& op, std::int64_t window) {
  return sentio::ema(op.graph(), bar_range(op.graph(), op.in(0), op.in(1)), window);
}

NodeRef lower_cvi(Lowering& op) {
  return rate_of_change(op.graph(), average_range(op, op.integer("window")), op.integer("lag"), 100.0, 1.0);
}

NodeRef lower_massi(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto span = op.integer("span");
  const NodeRef single = average_range(op, span);
  const NodeRef ratio = pointwise(
      graph, "mass", {single, sentio::ema(graph, single, span)},
      [](const double* const* in, std::ptrdiff_t i) { return in[1][i] > 0.0 ? in[0][i] / in[1][i] : 1.0; });
  return window_sum(graph, ratio, op.integer("window"));
}

}  // namespace

std::vector<OpInfo> range_volatility() {
  return {
      {
          .name = "CVI",
          .summary = "Chaikin's volatility: change in percent over `lag` bars of the EMA of high - low",
          .definition =
              "Chaikin; Achelis, Technical Analysis from A to Z, 2nd ed. (2001); TA-Lib CVI but for "
              "the average's start, which is that of EMA",
          .columns = {"high", "low"},
          .params = {window_param(10, 2, "span of the average"),
                     {"lag", ParamType::integer, 1, kMaxWindow, 10,
                      "bars back to the average compared with"}},
          .warmup = "window + lag - 1",
          .memory = Memory::decaying,
          .neutral = "0 where no bar had a range; held within 1e60",
          .scale = "100",
          .talib = "CVI(timeperiod=window, rocperiod=lag)",
          .lower = lower_cvi,
      },
      {
          .name = "MASSI",
          .version = 2,
          .summary = "Mass index: sum over `window` bars of EMA over EMA of EMA, all of high - low",
          .definition = "Dorsey, The mass index, Stocks and Commodities 10 (1992); TA-Lib MASSI but for the "
                        "averages' start, which is that of EMA",
          .columns = {"high", "low"},
          .params = {window_param(25, 2, "bars in the sum"),
                     {"span", ParamType::integer, 2, kMaxWindow, 9, "span of both averages"}},
          .warmup = "window + 2 * span - 3",
          .memory = Memory::decaying,
          .neutral = "a bar adds 1 where no bar had a range",
          .talib = "MASSI(fastperiod=span, slowperiod=window)",
          .lower = lower_massi,
      },
  };
}

}  // namespace sentio::ops
