// AO, AC: Williams' awesome oscillator, and how it accelerates.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

NodeRef less(GraphBuilder& graph, NodeRef a, NodeRef b) {
  return pointwise(graph, "difference", {a, b},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

NodeRef lower_ao(Lowering& op) {
  GraphBuilder& graph = op.graph();
  return less(graph, moments(graph, op.in(0), op.integer("fast")).mean,
              moments(graph, op.in(0), op.integer("slow")).mean);
}

NodeRef lower_ac(Lowering& op) {
  const NodeRef oscillator = lower_ao(op);
  return less(op.graph(), oscillator, moments(op.graph(), oscillator, op.integer("signal")).mean);
}

ParamInfo fast_param() {
  return {"fast", ParamType::integer, 2, kMaxWindow - 1, 5, "bars in the shorter mean"};
}
ParamInfo slow_param() {
  return {"slow", ParamType::integer, 3, kMaxWindow, 34, "bars in the longer mean"};
}

}  // namespace

std::vector<OpInfo> awesome_oscillator() {
  return {
      {
          .name = "AO",
          .summary = "Awesome oscillator: mean of (high + low) / 2 over `fast` bars minus that over `slow`",
          .definition = "Williams, New Trading Dimensions (1998); TA-Lib AO",
          .columns = {"hl2"},
          .params = {fast_param(), slow_param()},
          .warmup = "slow - 1",
          .scale = "close",
          .talib = "AO(fastperiod=fast, slowperiod=slow)",
          .lower = lower_ao,
      },
      {
          .name = "AC",
          .summary = "Accelerator: the awesome oscillator minus its mean over `signal` bars",
          .definition = "Williams, New Trading Dimensions (1998); TA-Lib AC",
          .columns = {"hl2"},
          .params = {fast_param(),
                     slow_param(),
                     {"signal", ParamType::integer, 2, kMaxWindow, 5, "bars in the oscillator's own mean"}},
          .warmup = "slow + signal - 2",
          .scale = "close",
          .talib = "AC(fastperiod=fast, slowperiod=slow, signalperiod=signal)",
          .lower = lower_ac,
      },
  };
}

}  // namespace sentio::ops
