// Ehlers' measurement of the dominant cycle, which several indicators begin with.
//
// From Rocket Science for Traders (2001), with TA-Lib's first bars. Its memory fades, but no number of bars
// bounds it: the period's limits make it jump, and two nearly equal pasts may jump apart.
#pragma once

#include <cstdint>

#include "graph.hpp"

namespace sentio {

// The bars after a series' first one at which TA-Lib begins to measure its cycle, with zeros before them, and
// those from which on an indicator's values count.
struct FirstBars {
  std::int64_t measured, counted;
};
inline constexpr FirstBars kPeriodFirst = {12, 32};
inline constexpr FirstBars kPhaseFirst = {37, 63};

inline constexpr std::int64_t kLongestCycle = 50;

// The smoothed series, the period in bars (at most kLongestCycle), and the phasor's two components.
struct Cycle {
  NodeRef smooth, period, in_phase, quadrature;
};
[[nodiscard]] Cycle cycle(GraphBuilder& graph, NodeRef x, const FirstBars& first);

// The mean of the last four values, weighted 4, 3, 2 and 1.
[[nodiscard]] NodeRef weighted_four(GraphBuilder& graph, NodeRef x);

// A column made of `x`, from the first bar on that counts.
[[nodiscard]] NodeRef counted(GraphBuilder& graph, NodeRef column, NodeRef x, const FirstBars& first);

// The angle whose tangent is y / x, -90 to 90 degrees; 0 where x is 0.
[[nodiscard]] double slope_degrees(double y, double x) noexcept;

}  // namespace sentio
