// MACD_*, MACDEXT_* and MACDFIX_*: the difference of two averages, its own average, and what is between
// them.
#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

struct Macd {
  NodeRef line, signal;
};

NodeRef difference(GraphBuilder& graph, NodeRef a, NodeRef b) {
  return pointwise(graph, "difference", {a, b},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

AverageType chosen(const Lowering& op, const char* name) {
  return static_cast<AverageType>(op.integer(name));
}

Macd macd_nodes(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef fast = sentio::ema(graph, op.in(0), op.integer("fast"));
  const NodeRef slow = sentio::ema(graph, op.in(0), op.integer("slow"));
  const NodeRef line = difference(graph, fast, slow);
  return {line, sentio::ema(graph, line, op.integer("signal"))};
}

Macd macdext_nodes(Lowering& op) {
  const auto average = [&op](const char* window, const char* type) {
    return moving_average(op.graph(), op.in(0), op.integer(window), chosen(op, type));
  };
  const NodeRef fast = average("fast", "fast_ma_type"), slow = average("slow", "slow_ma_type");
  const NodeRef line = difference(op.graph(), fast, slow);
  return {line, moving_average(op.graph(), line, op.integer("signal"), chosen(op, "signal_ma_type"))};
}

// Appel's first: spans of 12 and 26, with their alphas rounded.
Macd macdfix_nodes(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef fast = decaying_average(graph, op.in(0), 0.15, 11);
  const NodeRef slow = decaying_average(graph, op.in(0), 0.075, 25);
  const NodeRef line = difference(graph, fast, slow);
  return {line, sentio::ema(graph, line, op.integer("signal"))};
}

// The line waits for its signal, so that all three begin at one row.
template <Macd (*nodes)(Lowering&)>
NodeRef lower_line(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const Macd macd = nodes(op);
  return waiting(graph, macd.line, graph.node(macd.signal).valid - graph.node(macd.line).valid);
}

template <Macd (*nodes)(Lowering&)>
NodeRef lower_signal(Lowering& op) {
  return nodes(op).signal;
}

template <Macd (*nodes)(Lowering&)>
NodeRef lower_histogram(Lowering& op) {
  const Macd macd = nodes(op);
  return difference(op.graph(), macd.line, macd.signal);
}

// One output of an indicator, whose `name`, `summary`, `talib` and `lower` are yet to be told.
OpInfo output(OpInfo indicator, std::string_view name, std::string_view summary, std::string_view talib,
              NodeRef (*lower)(Lowering&)) {
  indicator.name = name;
  indicator.summary = summary;
  indicator.talib = talib;
  indicator.lower = lower;
  return indicator;
}

ParamInfo signal_param() {
  return {"signal", ParamType::integer, 1, kMaxWindow, 9, "span of the line's own average"};
}

OpInfo indicator(std::string_view definition, std::vector<ParamInfo> params, std::string_view warmup) {
  return {
      .name = {},
      .summary = {},
      .definition = definition,
      .sources = {"close"},
      .params = std::move(params),
      .warmup = warmup,
      .memory = Memory::decaying,
      .scale = "source",
  };
}

}  // namespace

std::vector<OpInfo> macd() {
  const OpInfo plain = indicator(
      "Appel, Technical Analysis: Power Tools for Active Investors (2005); TA-Lib MACD but for the averages' "
      "start, which is that of EMA",
      {{"fast", ParamType::integer, 2, kMaxWindow - 1, 12, "span of the faster average"},
       {"slow", ParamType::integer, 3, kMaxWindow, 26, "span of the slower average"},
       signal_param()},
      "slow + signal - 2");
  const OpInfo fixed = indicator(
      "Appel's averages of 12 and 26 bars, whose alphas he rounded to 0.15 and 0.075; TA-Lib MACDFIX but for "
      "the averages' start, which is that of EMA",
      {signal_param()}, "signal + 24");
  const OpInfo extended = indicator(
      "Appel's MACD of chosen averages; TA-Lib MACDEXT but for the averages' start: each has its op's own, "
      "whatever the others need",
      {{"fast", ParamType::integer, 2, kMaxWindow - 1, 12, "bars of the faster average"},
       {"slow", ParamType::integer, 3, kMaxWindow, 26, "bars of the slower average"},
       {"signal", ParamType::integer, 1, kMaxWindow, 9, "bars of the line's own average"},
       average_type_param("fast_ma_type", AverageType::sma, "which faster average, by TA-Lib's number"),
       average_type_param("slow_ma_type", AverageType::sma, "which slower average, by TA-Lib's number"),
       average_type_param("signal_ma_type", AverageType::sma, "which average of the line")},
      "max(average_warmup(fast, fast_ma_type), average_warmup(slow, slow_ma_type)) + "
      "average_warmup(signal, signal_ma_type)");
  constexpr std::string_view kExtended[] = {
      "MACDEXT(fastperiod=fast, fastmatype=fast_ma_type, slowperiod=slow, slowmatype=slow_ma_type, "
      "signalperiod=signal, signalmatype=signal_ma_type).macd",
      "MACDEXT(fastperiod=fast, fastmatype=fast_ma_type, slowperiod=slow, slowmatype=slow_ma_type, "
      "signalperiod=signal, signalmatype=signal_ma_type).macdsignal",
      "MACDEXT(fastperiod=fast, fastmatype=fast_ma_type, slowperiod=slow, slowmatype=slow_ma_type, "
      "signalperiod=signal, signalmatype=signal_ma_type).macdhist"};
  return {
      output(extended, "MACDEXT_LINE", "MACD of chosen averages: that over `fast` minus that over `slow`",
             kExtended[0], lower_line<macdext_nodes>),
      output(extended, "MACDEXT_SIGNAL", "The chosen average over `signal` of the MACDEXT line", kExtended[1],
             lower_signal<macdext_nodes>),
      output(extended, "MACDEXT_HISTOGRAM", "The MACDEXT line minus its signal", kExtended[2],
             lower_histogram<macdext_nodes>),
      output(plain, "MACD_LINE",
             "Moving average convergence divergence: EMA over `fast` minus EMA over `slow`",
             "MACD(fastperiod=fast, slowperiod=slow, signalperiod=signal).macd", lower_line<macd_nodes>),
      output(plain, "MACD_SIGNAL", "EMA over `signal` of the MACD line",
             "MACD(fastperiod=fast, slowperiod=slow, signalperiod=signal).macdsignal",
             lower_signal<macd_nodes>),
      output(plain, "MACD_HISTOGRAM", "The MACD line minus its signal",
             "MACD(fastperiod=fast, slowperiod=slow, signalperiod=signal).macdhist",
             lower_histogram<macd_nodes>),
      output(fixed, "MACDFIX_LINE", "MACD with fixed averages: alpha of 0.15 minus alpha of 0.075",
             "MACDFIX(signalperiod=signal).macd", lower_line<macdfix_nodes>),
      output(fixed, "MACDFIX_SIGNAL", "EMA over `signal` of the MACDFIX line",
             "MACDFIX(signalperiod=signal).macdsignal", lower_signal<macdfix_nodes>),
      output(fixed, "MACDFIX_HISTOGRAM", "The MACDFIX line minus its signal",
             "MACDFIX(signalperiod=signal).macdhist", lower_histogram<macdfix_nodes>),
  };
}

}  // namespace sentio::ops
