// What a file of ops includes. A file `NAME.cpp` here defines `std::vector<OpInfo> sentio::ops::NAME()`;
// the build finds it by its name.
#pragma once

#include <vector>

#include "graph.hpp"
#include "kernels/pointwise.hpp"
#include "kernels/series.hpp"
#include "sentio/op.hpp"

namespace sentio::ops {

// The parameter that most ops have.
[[nodiscard]] inline ParamInfo window_param(
    double default_value, double min = 2,
    std::string_view summary = "bars in the window, the current one included") {
  return {"window", ParamType::integer, min, kMaxWindow, default_value, summary};
}

// Two bars of one typical price (high + low + close) / 3 may differ by rounding alone, by less than this
// share of it. TA-Lib takes so small a move for none, and so do the ops that ask whether a typical price has
// moved at all.
inline constexpr double kTypicalPriceRounding = 2e-14;

// Fourth powers of this, summed over the largest window, are still finite: no op that reads a quotient
// overflows.
inline constexpr double kLargest = 1e60;

[[nodiscard]] inline double held(double value) noexcept {
  return smaller(larger(value, -kLargest), kLargest);
}

}  // namespace sentio::ops
