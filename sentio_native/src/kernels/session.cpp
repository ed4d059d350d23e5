// Where sessions start.
#include "kernels/session.hpp"

#include <memory>

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

}  // namespace

NodeRef session_start(GraphBuilder& graph) {
  const double session_gap = graph.session_gap_seconds();
  return graph.add({"session_start", {}, {graph.base(BaseColumn::gap)}}, {},
                   [session_gap] { return std::make_unique<SessionStart>(session_gap); });
}

}  // namespace sentio
