// The nodes that many ops share; each is made once a plan, whoever asks.
#pragma once

#include <cstdint>

#include "graph.hpp"

namespace sentio {

// A decaying average below this is zero, on every path: denormals never arise, and a market that went flat is
// flat.
inline constexpr double kForgotten = 0x1p-400;
[[nodiscard]] inline double forget(double value) noexcept {
  return value < kForgotten && value > -kForgotten ? 0.0 : value;
}

// x[-rows].
[[nodiscard]] NodeRef delayed(GraphBuilder& graph, NodeRef x, std::int64_t rows);

// x, which counts only after `rows` more rows: for a value that waits for another's first one.
[[nodiscard]] NodeRef waiting(GraphBuilder& graph, NodeRef x, std::int64_t rows);

// x - x[-window].
[[nodiscard]] NodeRef change(GraphBuilder& graph, NodeRef x, std::int64_t window);

// |x|.
[[nodiscard]] NodeRef magnitude(GraphBuilder& graph, NodeRef x);

// log(a / b), and 0 where that ratio is no positive number.
[[nodiscard]] NodeRef log_ratio(GraphBuilder& graph, NodeRef a, NodeRef b);

// log(x / x[-window]), and 0 where that ratio is no positive number.
[[nodiscard]] NodeRef log_return(GraphBuilder& graph, NodeRef x, std::int64_t window);

// y += alpha (x - y), from y = the first x; valid after `mask` rows.
[[nodiscard]] NodeRef decaying_average(GraphBuilder& graph, NodeRef x, double alpha, std::int64_t mask);

// The decaying average of alpha = 2 / (window + 1); valid after window - 1 rows.
[[nodiscard]] NodeRef ema(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Wilder's average: the plain mean of the first `window` rows, then y += (x - y) / window; valid from that
// mean on.
[[nodiscard]] NodeRef wilder(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Of the last `window` rows: the mean, and the population variance (exactly zero where all are equal).
struct Moments {
  NodeRef mean, variance;
};
[[nodiscard]] Moments moments(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Sum of the last `window` rows. Of a series that is nowhere negative: zero exactly where all of them are. Of
// one with both signs: exact in terms of the sum of its magnitudes.
[[nodiscard]] NodeRef window_sum(GraphBuilder& graph, NodeRef x, std::int64_t window);

// Sum of all rows so far, compensated; no cold start ever agrees with it.
[[nodiscard]] NodeRef running_sum(GraphBuilder& graph, NodeRef x);

[[nodiscard]] NodeRef highest(GraphBuilder& graph, NodeRef x, std::int64_t window);
[[nodiscard]] NodeRef lowest(GraphBuilder& graph, NodeRef x, std::int64_t window);

// high - low.
[[nodiscard]] NodeRef bar_range(GraphBuilder& graph, NodeRef high, NodeRef low);

// max(high, close[-1]) - min(low, close[-1]), needs one bar before.
[[nodiscard]] NodeRef true_range(GraphBuilder& graph, NodeRef high, NodeRef low, NodeRef close);

// 100 up / (up + down), both nowhere negative; 50 where both are 0.
[[nodiscard]] NodeRef share(GraphBuilder& graph, NodeRef up, NodeRef down);

// Volume times close location, ((close - low) - (high - close)) / (high - low); 0 on a flat bar.
[[nodiscard]] NodeRef money_flow_volume(GraphBuilder& graph, NodeRef high, NodeRef low, NodeRef close,
                                        NodeRef volume);

// Rows after which a memory that keeps `1 - alpha` of itself a row has forgotten a start 16 times off by 2^20
// below a float's last place; the margin is for averages that are divided by, and have fallen so far.
[[nodiscard]] std::int64_t forgetting_rows(double alpha) noexcept;

// The larger and the smaller of two numbers, as comparisons: no signed zero and no NaN rule to differ in.
[[nodiscard]] inline double larger(double a, double b) noexcept {
  return a < b ? b : a;
}
[[nodiscard]] inline double smaller(double a, double b) noexcept {
  return b < a ? b : a;
}

}  // namespace sentio
