// Where sessions start, and what they add up to.
#include "kernels/session.hpp"

#include <memory>

#include "kernels/compensated_sum.hpp"
#include "session_rule.hpp"

namespace sentio {
namespace {

class SessionStart final : public Kernel {
 public:
  explicit SessionStart(double session_gap) : session_gap_(session_gap) {}

  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const bool starts = block.first + i == 0 || opens_session(block.in[0][i], session_gap_, closer_seen_);
      block.out[0][i] = starts ? 1.0 : 0.0;
    }
  }
  void state(StateArchive& archive) override { archive(closer_seen_); }

 private:
  double session_gap_;  // seconds
  bool closer_seen_ = false;
};

class SessionSum final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      if (block.in[0][i] != 0.0) sum_ = {};
      sum_.add(block.in[1][i]);
      block.out[0][i] = sum_.value();
    }
  }
  void state(StateArchive& archive) override { sum_.state(archive); }

 private:
  CompensatedSum sum_;
};

}  // namespace

NodeRef session_start(GraphBuilder& graph) {
  const double session_gap = graph.session_gap_seconds();
  return graph.add({"session_start", {}, {graph.base(BaseColumn::gap)}}, {},
                   [session_gap] { return std::make_unique<SessionStart>(session_gap); });
}

NodeRef session_sum(GraphBuilder& graph, NodeRef x) {
  return graph.add({"session_sum", {}, {session_start(graph), x}}, {},
                   [] { return std::make_unique<SessionSum>(); });
}

}  // namespace sentio
