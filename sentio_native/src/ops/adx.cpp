// ADX: Wilder's average directional movement index.
#include <memory>

#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// Wilder's falling sum as TA-Lib starts it: `window - 1` rows added up, then y += x - y / window.
class WilderSum final : public Kernel {
 public:
  explicit WilderSum(std::int64_t window) : window_(window) {}
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const bool starting = block.first + i < window_ - 1;
      const double falling = starting ? 0.0 : value_ / static_cast<double>(window_);
      value_ = forget(value_ - falling + block.in[0][i]);
      block.out[0][i] = value_;
    }
  }
  void state(StateArchive& archive) override { archive(value_); }

 private:
  std::int64_t window_;
  double value_ = 0;
};

NodeRef wilder_sum(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return graph.add(
      {"wilder_sum", {static_cast<double>(window)}, {x}},
      {.mask = window - 1, .settle = window + forgetting_rows(1.0 / static_cast<double>(window))},
      [window] { return std::make_unique<WilderSum>(window); });
}

// Inputs high, low: how far a bar reaches beyond the one before on one side, where it reaches farther than on
// the other.
double movement_up(const double* const* in, std::ptrdiff_t i) {
  const double up = in[0][i] - in[0][i - 1], down = in[1][i - 1] - in[1][i];
  return up > down && up > 0.0 ? up : 0.0;
}

double movement_down(const double* const* in, std::ptrdiff_t i) {
  const double up = in[0][i] - in[0][i - 1], down = in[1][i - 1] - in[1][i];
  return down > up && down > 0.0 ? down : 0.0;
}

// The definition divides both movements by the true range; in their ratio that cancels.
NodeRef lower_adx(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const auto window = op.integer("window");
  const std::vector<NodeRef> high_low = {op.in(0), op.in(1)};
  const NodeRef up = wilder_sum(graph, pointwise(graph, "movement_up", high_low, movement_up, 1), window);
  const NodeRef down =
      wilder_sum(graph, pointwise(graph, "movement_down", high_low, movement_down, 1), window);
  const NodeRef index =
      pointwise(graph, "directional_index", {up, down}, [](const double* const* in, std::ptrdiff_t i) {
        const double difference = in[0][i] - in[1][i], both = in[0][i] + in[1][i];
        return both > 0.0 ? 100.0 * (larger(difference, -difference) / both) : 0.0;
      });
  return wilder(graph, index, window);
}

}  // namespace

std::vector<OpInfo> adx() {
  return {{
      .name = "ADX",
      .summary = "Average directional index, 0 to 100: Wilder's average of the movements' imbalance",
      .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib ADX",
      .columns = {"high", "low"},
      .params = {window_param(14)},
      .warmup = "2 * window - 1",
      .memory = Memory::decaying,
      .neutral =
          "a bar counts 0 while no movement is remembered (TA-Lib: after its start, such bars are left out)",
      .scale = "100",
      .talib = "ADX(timeperiod=window)",
      .lower = lower_adx,
  }};
}

}  // namespace sentio::ops
