// The change of a series over some rows, relative to where it was.
#pragma once

#include "ops/op_file.hpp"

namespace sentio::ops {

// factor (x / x[-window] - base). A source of volumes may hold zeros; where there is nothing to compare with,
// nothing has changed.
[[nodiscard]] inline NodeRef rate_of_change(GraphBuilder& graph, NodeRef x, std::int64_t window,
                                            double factor, double base) {
  return pointwise(graph, "rate_of_change", {x},
                   [=](const double* const* in, std::ptrdiff_t i) {
                     const double before = in[0][i - window];
                     return before != 0.0 ? held(factor * (in[0][i] / before - base)) : factor * (1.0 - base);
                   },
                   window, {factor, base});
}

}  // namespace sentio::ops
