// The nodes that many ops share; each is made once a plan, whoever asks.
#pragma once

#include <cstdint>

#include "graph.hpp"

namespace sentio {

// A decaying average below this is zero, on every path: denormals never arise, and a market that went flat is flat.
inline constexpr double kForgotten = 0x1p-400;

// log(x / x[-window]).
[[nodiscard]] NodeRef log_return(GraphBuilder& graph, NodeRef x, std::int64_t window);

// y += 2 / (window + 1) (x - y), from y = the first x; valid after window - 1 rows.
[[nodiscard]] NodeRef ema(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Wilder's average: the plain mean of the first `window` rows, then y += (x - y) / window; valid from that mean on.
[[nodiscard]] NodeRef wilder(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Mean (output 0) and population variance (output 1) of the last `window` rows.
struct Moments {
    NodeRef mean, variance;
};
[[nodiscard]] Moments moments(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Sum of the last `window` rows of a series that is nowhere negative: zero exactly where all of them are.
[[nodiscard]] NodeRef window_sum(GraphBuilder& graph, NodeRef x, std::int64_t window);

[[nodiscard]] NodeRef highest(GraphBuilder& graph, NodeRef x, std::int64_t window);
[[nodiscard]] NodeRef lowest(GraphBuilder& graph, NodeRef x, std::int64_t window);

// max(high, close[-1]) - min(low, close[-1]), needs one bar before.
[[nodiscard]] NodeRef true_range(GraphBuilder& graph, NodeRef high, NodeRef low, NodeRef close);

// Rows after which a memory that keeps `1 - alpha` of itself a row has forgotten a start 16 times off by 2^20 below
// a float's last place; the margin is for what ratios of averages make of it.
[[nodiscard]] std::int64_t forgetting_rows(double alpha) noexcept;

// The larger and the smaller of two numbers, as comparisons: no signed zero and no NaN rule to differ in.
[[nodiscard]] inline double larger(double a, double b) noexcept { return a < b ? b : a; }
[[nodiscard]] inline double smaller(double a, double b) noexcept { return b < a ? b : a; }

}  // namespace sentio
