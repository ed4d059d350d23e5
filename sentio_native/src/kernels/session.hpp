// Sessions: where they start, and what one has seen so far.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "state_archive.hpp"

namespace sentio {

// 1 at a session's first bar, else 0, by the rule of session_rule.hpp.
[[nodiscard]] NodeRef session_start(GraphBuilder& graph);

// What a session has seen so far, one number that is carried from bar to bar and made anew at each start.
//
// A cold start knows the session that it woke up in only from its own first bar on. So `settle` is that of
// the inputs, for histories that hold a session's start beyond their first bars.
//
// First: double(const double* const* in, std::ptrdiff_t i)               the value at the start
// Next: double(double before, const double* const* in, std::ptrdiff_t i) the value at every other bar
// in[0] is session_start, in[1] the first of `inputs`.
template <class First, class Next>
class SessionFold final : public Kernel {
 public:
  SessionFold(First first, Next next) : first_(std::move(first)), next_(std::move(next)) {}

  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const bool starts = block.first + i == 0 || block.in[0][i] != 0.0;
      value_ = starts ? first_(block.in, i) : next_(value_, block.in, i);
      block.out[0][i] = value_;
    }
  }
  void state(StateArchive& archive) override { archive(value_); }

 private:
  First first_;
  Next next_;
  double value_ = 0;
};

// `name` must determine both formulas.
template <class First, class Next>
NodeRef session_fold(GraphBuilder& graph, std::string name, std::vector<NodeRef> inputs, First first,
                     Next next) {
  inputs.insert(inputs.begin(), session_start(graph));
  return graph.add({std::move(name), {}, std::move(inputs)}, {},
                   [first, next] { return std::make_unique<SessionFold<First, Next>>(first, next); });
}

// Sum of x over the session so far, compensated: a market that never closes has one session.
[[nodiscard]] NodeRef session_sum(GraphBuilder& graph, NodeRef x);

}  // namespace sentio
