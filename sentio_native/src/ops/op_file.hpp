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
[[nodiscard]] inline ParamInfo window_param(double default_value, double min = 2,
                                            std::string_view summary = "bars in the window, the current one included") {
    return {"window", ParamType::integer, min, kMaxWindow, default_value, summary};
}

}  // namespace sentio::ops
