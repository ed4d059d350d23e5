// Which nodes of a plan one call of a kernel runs, and the kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "graph.hpp"

namespace sentio {

[[nodiscard]] bool same_inputs(const Node& a, const Node& b);

// Node `n` and those that run with it, in lanes or one after the other; `done` says which nodes run before.
// Nodes over one series stand together.
[[nodiscard]] std::vector<std::size_t> nodes_of_call(const Graph& graph, std::size_t n,
                                                     const std::vector<bool>& done);

[[nodiscard]] std::unique_ptr<Kernel> make_kernel(const Graph& graph, const std::vector<std::size_t>& nodes);

}  // namespace sentio
