// Statistics of the last `window` rows in their order: rank, quantiles, mean absolute deviation.
#pragma once

#include "graph.hpp"

namespace sentio {

// The value that a share `level` (0 to 1) of the window lies below, linear between two rows.
[[nodiscard]] NodeRef quantile(GraphBuilder& graph, NodeRef x, std::int64_t window, double level);

// The value at `place` of the window in order: 0 is the lowest, window - 1 the highest, linear between two.
[[nodiscard]] NodeRef at_place(GraphBuilder& graph, NodeRef x, std::int64_t window, double place);

// The share, 0 to 1, of the `window` rows before the newest that are below it.
[[nodiscard]] NodeRef share_below(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Rank of the newest row over `window`: equal ones share the mean of their ranks, the highest alone has 1.
[[nodiscard]] NodeRef rank(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Of the last `window` rows: their mean distance from their mean, exactly zero where all are equal, and how
// far the newest is from that mean.
struct AbsoluteDeviation {
  NodeRef mean, newest;
};
[[nodiscard]] AbsoluteDeviation absolute_deviation(GraphBuilder& graph, NodeRef x, std::int64_t window);

}  // namespace sentio
