// The moving averages, each alone and by a number that a spec chooses.
#pragma once

#include <cstdint>
#include <string_view>

#include "graph.hpp"

namespace sentio {

// TA-Lib's numbers of them.
enum class AverageType : std::uint8_t {
  sma,
  ema,
  wma,
  dema,
  tema,
  trima,
  kama,
  mama,
  t3,
  hma,
  none,
  of_function,
  zlema,
  rma
};

// The parameter by which an op lets a spec choose.
[[nodiscard]] ParamInfo average_type_param(std::string_view name, AverageType default_value,
                                           std::string_view summary);

// That average of the last `window` values or so; of one value it is the value itself. The type is one that
// average_type_param allows.
[[nodiscard]] NodeRef moving_average(GraphBuilder& graph, NodeRef x, std::int64_t window, AverageType type);

// The mean of moments, to the bit, alone: its readers' history is not that of a variance too.
[[nodiscard]] NodeRef sma(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Weights that rise evenly: 1 for the oldest of `window` values, `window` for the newest.
[[nodiscard]] NodeRef wma(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Weights that rise evenly to the middle of the window, and fall again: a mean of means.
[[nodiscard]] NodeRef trima(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Averages of averages, combined such that the first (DEMA), or the first and second (TEMA) order of their
// lag cancel; T3 is DEMA, weighted, three times over.
[[nodiscard]] NodeRef dema(GraphBuilder& graph, NodeRef x, std::int64_t window);
[[nodiscard]] NodeRef tema(GraphBuilder& graph, NodeRef x, std::int64_t window);
[[nodiscard]] NodeRef t3(GraphBuilder& graph, NodeRef x, std::int64_t window, double v_factor);

// Hull's: the WMA of half the window, carried on by what it leads that of the whole by, smoothed.
[[nodiscard]] NodeRef hma(GraphBuilder& graph, NodeRef x, std::int64_t window);

// The EMA of values carried on by their own change over its lag.
[[nodiscard]] NodeRef zlema(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Kaufman's: the straighter the way of the last `window` changes, the larger the weight of a new value.
[[nodiscard]] NodeRef kama(GraphBuilder& graph, NodeRef x, std::int64_t window);

}  // namespace sentio
