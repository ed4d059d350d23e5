// MAVP: a moving average whose window is another series.
#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// All averages that a window may ask for, side by side: each of them may remember all bars.
constexpr double kMostWindows = 1000;

NodeRef lower_mavp(Lowering& op) {
  const auto least = op.integer("min_window"), most = op.integer("max_window");
  const auto type = static_cast<AverageType>(op.integer("ma_type"));
  std::vector<NodeRef> inputs = {op.in(1)};
  for (auto window = least; window <= most; ++window)
    inputs.push_back(moving_average(op.graph(), op.in(0), window, type));
  const auto low = static_cast<double>(least), high = static_cast<double>(most);
  return pointwise(op.graph(), "average_of_window", std::move(inputs),
                   [low, high](const double* const* in, std::ptrdiff_t i) {
                     const double asked = smaller(larger(in[0][i], low), high);
                     return in[1 + static_cast<std::ptrdiff_t>(asked - low)][i];
                   },
                   0, {low});
}

}  // namespace

std::vector<OpInfo> mavp() {
  return {{
      .name = "MAVP",
      .summary = "Moving average of a chosen type over as many values as the second series says at the bar",
      .definition = "TA-Lib MAVP but for the averages' start (each has its op's own, whatever the longest "
                    "needs) and for the types that are refused; of a window the whole part counts, held "
                    "within `min_window` and `max_window`",
      .sources = {"close", ""},
      .params = {{"min_window", ParamType::integer, 2, kMostWindows, 2, "the shortest window"},
                 {"max_window", ParamType::integer, 2, kMostWindows, 30,
                  "the longest window; all in between are computed at every bar"},
                 average_type_param("ma_type", AverageType::sma, "which average, by TA-Lib's number")},
      .warmup = "average_warmup(max_window, ma_type)",
      .memory = Memory::decaying,
      .scale = "source",
      .homogeneous = false,  // a window has no unit
      .talib = "MAVP(minperiod=min_window, maxperiod=max_window, matype=ma_type)",
      .lower = lower_mavp,
  }};
}

}  // namespace sentio::ops
