// The nodes of a plan, and the builder that ops add them with.
#pragma once

#include <algorithm>
#include <any>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/kernel.hpp"
#include "sentio/op.hpp"

namespace sentio {

// The columns that the engine fills from the bars themselves, in this order.
enum class BaseColumn : std::uint8_t { open, high, low, close, volume, gap };
inline constexpr int kBaseColumns = 6;

// What identifies a node: two nodes with equal keys are one.
struct NodeKey {
  std::string kernel;
  std::vector<double> params;
  std::vector<NodeRef> inputs;
};

// Rows of input history that a node reads: of every input alike, or of each its own. What is not read is not
// kept, and is no part of the state.
class Lag {
 public:
  Lag(std::int64_t of_all) : rows_{of_all}, alike_(true) {}
  Lag(std::initializer_list<std::int64_t> of_each) : rows_(of_each) {}
  [[nodiscard]] std::int64_t of(std::size_t input) const { return alike_ ? rows_[0] : rows_.at(input); }
  [[nodiscard]] const std::vector<std::int64_t>& rows() const noexcept { return rows_; }
  [[nodiscard]] bool none() const {
    return std::all_of(rows_.begin(), rows_.end(), [](std::int64_t rows) { return rows == 0; });
  }

 private:
  std::vector<std::int64_t> rows_;
  bool alike_ = false;
};

// How a node looks back.
struct NodeReach {
  Lag lag = 0;                             // it starts when so much history is there
  std::int64_t mask = 0;                   // rows that it runs, after starting, before its value counts
  std::optional<std::int64_t> settle = 0;  // rows after which its own memory is forgotten; none: never
  std::int64_t history = 0;  // rows of input history that it reads while they may not be valid yet
};

// One of the nodes that a kernel runs side by side.
struct Lane {
  const std::vector<double>& params;
  const std::any* formula;  // the maker's
  std::size_t series = 0;   // where its inputs begin in block.in, of a maker that packs
};

// Makes the kernel of one node, or of several that differ in their parameters alone: lane k then fills
// the k-th outputs, and the engine runs them side by side.
struct KernelMaker {
  KernelMaker() = default;
  template <class MakeOne>
    requires std::invocable<const MakeOne&>
  KernelMaker(MakeOne make_one) : make([make_one](std::span<const Lane>) { return make_one(); }) {}
  template <class MakeLanes>
    requires std::invocable<const MakeLanes&, std::span<const Lane>>
  KernelMaker(MakeLanes make_lanes) : make(make_lanes), lanes(true) {}

  std::function<std::unique_ptr<Kernel>(std::span<const Lane>)> make;
  bool lanes = false;
  // Whether it remembers nothing, so that one kernel may run all nodes of its name and parameters:
  // block.lanes of them, each with inputs and outputs that follow the ones of the node before.
  bool forgets = false;
  // Whether its lanes may be over several series, and may be written into quads.
  bool packs = false;
  std::any formula;  // what a lane needs beside its parameters
};

template <class LaneKernel>
[[nodiscard]] KernelMaker in_lanes() {
  KernelMaker maker = [](std::span<const Lane> lanes) { return std::make_unique<LaneKernel>(lanes); };
  maker.packs = requires { LaneKernel::kPacks; };
  return maker;
}

struct Node {
  NodeKey key;
  NodeReach reach;
  int outputs = 1;
  std::vector<std::pair<int, std::string>> names;  // of the features that an output is
  KernelMaker maker;                               // empty for base columns
  std::int64_t start = 0;                          // first row that it runs
  std::int64_t valid = 0;                          // first row that counts
  std::optional<std::int64_t> settle = 0;          // bars of history, inputs' included
  bool reads_sessions = false;                     // it, or what it reads, depends on where sessions start
  std::int64_t history = 0;                        // rows that its readers look back upon
};

// In topological order; the first kBaseColumns nodes are the bars' columns.
struct Graph {
  std::vector<Node> nodes;
  std::vector<NodeRef> emitted;  // column of each emitted feature
};

class GraphBuilder {
 public:
  explicit GraphBuilder(double session_gap_seconds);

  // The node with that key, made if it is not there yet.
  NodeRef add(NodeKey key, NodeReach reach, KernelMaker maker, int outputs = 1);
  // Say that a feature is this column; it changes nothing but what readers are told.
  void name(NodeRef ref, std::string feature);

  [[nodiscard]] static NodeRef base(BaseColumn column) noexcept { return {static_cast<int>(column), 0}; }
  [[nodiscard]] double session_gap_seconds() const noexcept { return session_gap_seconds_; }
  [[nodiscard]] const Node& node(NodeRef ref) const { return nodes_[static_cast<std::size_t>(ref.node)]; }

  // The finished graph: nodes that no emitted feature needs are dropped, histories are known.
  [[nodiscard]] Graph finish(const std::vector<NodeRef>& emitted) &&;

 private:
  using Key = std::tuple<std::string, std::vector<double>, std::vector<std::pair<int, int>>>;
  double session_gap_seconds_;
  std::vector<Node> nodes_;
  std::map<Key, int> known_;
};

// A bar column ("close"), a composite ("hl2", "hlc3", "ohlc4") or "logret"; nullopt for another name.
[[nodiscard]] std::optional<NodeRef> builtin_source(GraphBuilder& graph, std::string_view name);

// What an op's `lower` sees: its inputs, its parameters and the graph to add nodes to.
class Lowering {
 public:
  Lowering(GraphBuilder& graph, std::vector<NodeRef> inputs, const std::map<std::string, double>& params)
      : graph_(graph), inputs_(std::move(inputs)), params_(params) {}

  [[nodiscard]] GraphBuilder& graph() noexcept { return graph_; }
  // The op's sources, then its columns, in the order of its OpInfo.
  [[nodiscard]] NodeRef in(std::size_t k) const { return inputs_.at(k); }
  [[nodiscard]] std::int64_t integer(const char* name) const {
    return static_cast<std::int64_t>(params_.at(name));
  }
  [[nodiscard]] double real(const char* name) const { return params_.at(name); }

 private:
  GraphBuilder& graph_;
  std::vector<NodeRef> inputs_;
  const std::map<std::string, double>& params_;
};

}  // namespace sentio
