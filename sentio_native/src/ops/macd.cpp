// MACD_LINE, MACD_SIGNAL, MACD_HISTOGRAM: the difference of two averages, its own average, and what is
// between them.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

struct Macd {
  NodeRef line, signal;
};

Macd macd_nodes(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef line = pointwise(
      graph, "difference",
      {sentio::ema(graph, op.in(0), op.integer("fast")), sentio::ema(graph, op.in(0), op.integer("slow"))},
      [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
  return {line, sentio::ema(graph, line, op.integer("signal"))};
}

// The line waits for its signal, so that all three begin at one row.
NodeRef lower_line(Lowering& op) {
  const Macd macd = macd_nodes(op);
  return pointwise(op.graph(), "first", {macd.line, macd.signal},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i]; });
}

NodeRef lower_signal(Lowering& op) {
  return macd_nodes(op).signal;
}

NodeRef lower_histogram(Lowering& op) {
  const Macd macd = macd_nodes(op);
  return pointwise(op.graph(), "difference", {macd.line, macd.signal},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

OpInfo output(std::string_view name, std::string_view summary, std::string_view talib,
              NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Appel, Technical Analysis: Power Tools for Active Investors (2005); TA-Lib MACD but for the "
          "averages' start, which is that of EMA",
      .sources = {"close"},
      .params = {{"fast", ParamType::integer, 2, kMaxWindow - 1, 12, "span of the faster average"},
                 {"slow", ParamType::integer, 3, kMaxWindow, 26, "span of the slower average"},
                 {"signal", ParamType::integer, 1, kMaxWindow, 9, "span of the line's own average"}},
      .warmup = "slow + signal - 2",
      .memory = Memory::decaying,
      .scale = "source",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> macd() {
  return {
      output("MACD_LINE", "Moving average convergence divergence: EMA over `fast` minus EMA over `slow`",
             "MACD(fastperiod=fast, slowperiod=slow, signalperiod=signal).macd", lower_line),
      output("MACD_SIGNAL", "EMA over `signal` of the MACD line",
             "MACD(fastperiod=fast, slowperiod=slow, signalperiod=signal).macdsignal", lower_signal),
      output("MACD_HISTOGRAM", "The MACD line minus its signal",
             "MACD(fastperiod=fast, slowperiod=slow, signalperiod=signal).macdhist", lower_histogram),
  };
}

}  // namespace sentio::ops
