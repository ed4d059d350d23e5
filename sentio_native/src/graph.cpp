// Building the graph of a plan: equal nodes are one, and each node's first rows follow from its inputs'.
#include "graph.hpp"

#include <algorithm>

#include "kernels/pointwise.hpp"
#include "kernels/series.hpp"

namespace sentio {

GraphBuilder::GraphBuilder(double session_gap_seconds) : session_gap_seconds_(session_gap_seconds) {
  nodes_.resize(kBaseColumns);
  nodes_[static_cast<std::size_t>(BaseColumn::gap)].reads_sessions = true;
}

NodeRef GraphBuilder::add(NodeKey key, NodeReach reach, KernelMaker maker, int outputs) {
  std::vector<std::pair<int, int>> inputs;
  for (const NodeRef& input : key.inputs) inputs.emplace_back(input.node, input.output);
  const auto [known, is_new] =
      known_.try_emplace({key.kernel, key.params, std::move(inputs)}, static_cast<int>(nodes_.size()));
  if (!is_new) return {known->second, 0};

  Node node{.key = std::move(key), .reach = reach, .outputs = outputs, .maker = std::move(maker)};
  for (std::size_t k = 0; k < node.key.inputs.size(); ++k) {
    const Node& input = this->node(node.key.inputs[k]);
    const std::int64_t lag = reach.lag.of(k);
    node.start = std::max(node.start, input.valid + lag);
    node.settle = node.settle && input.settle ? std::optional(std::max(*node.settle, *input.settle + lag))
                                              : std::nullopt;
    node.reads_sessions = node.reads_sessions || input.reads_sessions;
  }
  node.valid = node.start + reach.mask;
  if (node.settle && reach.settle) {
    node.settle = std::max(*node.settle + *reach.settle, node.valid);
  } else {
    node.settle.reset();
  }
  nodes_.push_back(std::move(node));
  return {known->second, 0};
}

void GraphBuilder::name(NodeRef ref, std::string feature) {
  nodes_[static_cast<std::size_t>(ref.node)].names.emplace_back(ref.output, std::move(feature));
}

Graph GraphBuilder::finish(const std::vector<NodeRef>& emitted) && {
  std::vector<bool> needed(nodes_.size(), false);
  for (int i = 0; i < kBaseColumns; ++i) needed[static_cast<std::size_t>(i)] = true;
  for (const NodeRef& ref : emitted) needed[static_cast<std::size_t>(ref.node)] = true;
  for (std::size_t n = nodes_.size(); n-- > 0;) {
    if (!needed[n]) continue;
    for (const NodeRef& input : nodes_[n].key.inputs) needed[static_cast<std::size_t>(input.node)] = true;
  }

  Graph graph;
  std::vector<int> place(nodes_.size(), -1);
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (!needed[n]) continue;
    place[n] = static_cast<int>(graph.nodes.size());
    Node& node = nodes_[n];
    for (std::size_t k = 0; k < node.key.inputs.size(); ++k) {
      NodeRef& input = node.key.inputs[k];
      input.node = place[static_cast<std::size_t>(input.node)];
      Node& read = graph.nodes[static_cast<std::size_t>(input.node)];
      read.history = std::max({read.history, node.reach.lag.of(k), node.reach.history});
    }
    graph.nodes.push_back(std::move(node));
  }
  for (const NodeRef& ref : emitted) {
    graph.emitted.push_back({place[static_cast<std::size_t>(ref.node)], ref.output});
  }
  return graph;
}

std::optional<NodeRef> builtin_source(GraphBuilder& graph, std::string_view name) {
  using enum BaseColumn;
  const NodeRef o = graph.base(open), h = graph.base(high), l = graph.base(low), c = graph.base(close);
  if (name == "open") return o;
  if (name == "high") return h;
  if (name == "low") return l;
  if (name == "close") return c;
  if (name == "volume") return graph.base(volume);
  if (name == "logret") return log_return(graph, c, 1);
  if (name == "hl2") {
    return pointwise(graph, "hl2", {h, l},
                     [](const double* const* in, std::ptrdiff_t i) { return (in[0][i] + in[1][i]) / 2.0; });
  }
  if (name == "hlc3") {
    return pointwise(graph, "hlc3", {h, l, c}, [](const double* const* in, std::ptrdiff_t i) {
      return (in[0][i] + in[1][i] + in[2][i]) / 3.0;
    });
  }
  if (name == "ohlc4") {
    return pointwise(graph, "ohlc4", {o, h, l, c}, [](const double* const* in, std::ptrdiff_t i) {
      return (in[0][i] + in[1][i] + in[2][i] + in[3][i]) / 4.0;
    });
  }
  return std::nullopt;
}

}  // namespace sentio
