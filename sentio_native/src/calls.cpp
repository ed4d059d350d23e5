// Which nodes of a plan one call of a kernel runs, and the kernel.
#include "calls.hpp"

#include <algorithm>

namespace sentio {
namespace {

bool is_ready(const Node& node, const std::vector<bool>& done) {
  const auto is_done = [&](const NodeRef& ref) { return done[static_cast<std::size_t>(ref.node)]; };
  return std::all_of(node.key.inputs.begin(), node.key.inputs.end(), is_done);
}

// Whether `b` may run where `a` does. Parameters may choose between types of formula, of which a kernel runs
// one.
bool run_together(const Node& a, const Node& b, const std::vector<bool>& done) {
  if (a.key.kernel != b.key.kernel) return false;
  if (a.maker.lanes) {
    return same_inputs(a, b) && a.start == b.start && a.maker.formula.type() == b.maker.formula.type();
  }
  return a.maker.forgets && a.key.params == b.key.params && a.key.inputs.size() == b.key.inputs.size() &&
         is_ready(b, done);
}

}  // namespace

bool same_inputs(const Node& a, const Node& b) {
  return a.key.inputs == b.key.inputs;
}

std::vector<std::size_t> nodes_of_call(const Graph& graph, std::size_t n, const std::vector<bool>& done) {
  std::vector<std::size_t> members;
  std::vector<bool> is_free(done.size());
  std::transform(done.begin(), done.end(), is_free.begin(), [](bool is_done) { return !is_done; });
  const auto join = [&](std::size_t first) {
    for (std::size_t m = first; m < graph.nodes.size(); ++m) {
      if (m != first && !(is_free[m] && run_together(graph.nodes[first], graph.nodes[m], done))) continue;
      members.push_back(m);
      is_free[m] = false;
    }
  };
  join(n);
  if (!graph.nodes[n].maker.packs) return members;
  // Lanes over other series. What nodes remember is saved in the order of their calls, which is that of the
  // plan: none that remembers may be between.
  for (std::size_t m = n + 1; m < graph.nodes.size(); ++m) {
    const Node &node = graph.nodes[n], &other = graph.nodes[m];
    if (!is_free[m] || other.maker.forgets) continue;
    if (other.key.kernel != node.key.kernel || other.start != node.start || !is_ready(other, done)) break;
    join(m);
  }
  return members;
}

std::unique_ptr<Kernel> make_kernel(const Graph& graph, const std::vector<std::size_t>& nodes) {
  std::vector<Lane> lanes;
  std::size_t series = 0;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const Node& node = graph.nodes[nodes[k]];
    if (k > 0 && !same_inputs(graph.nodes[nodes[k - 1]], node)) series += node.key.inputs.size();
    lanes.push_back({node.key.params, &node.maker.formula, series});
  }
  return graph.nodes[nodes.front()].maker.make(lanes);
}

}  // namespace sentio
