// Wilder's average rise and fall, for the ops that are made of them.
#pragma once

#include "ops/op_file.hpp"

namespace sentio::ops {

struct Moves {
  NodeRef up, down;  // neither is negative
};

[[nodiscard]] Moves average_moves(GraphBuilder& graph, NodeRef x, std::int64_t window);

}  // namespace sentio::ops
