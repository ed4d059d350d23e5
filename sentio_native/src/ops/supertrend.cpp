// SUPERTREND, SUPERTREND_DIRECTION: a stop some true ranges away, that turns when the close passes it.
#include <memory>

#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// Inputs: high, low, close, average true range. Two bands, each of which comes nearer and never goes back
// unless the close was beyond it; the lower one is the stop of a rising market, the upper one of a falling.
class Supertrend final : public Kernel {
 public:
  explicit Supertrend(double multiplier) : multiplier_(multiplier) {}

  void run(const Block& block) noexcept override {
    const double* close = block.in[2];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double middle = (block.in[0][i] + block.in[1][i]) / 2.0;
      const double reach = multiplier_ * block.in[3][i];
      const double upper = middle + reach, lower = middle - reach;
      const bool is_first = block.first + i == 0;
      if (is_first || upper < upper_ || close[i - 1] > upper_) upper_ = upper;
      if (is_first || lower > lower_ || close[i - 1] < lower_) lower_ = lower;
      if (!is_first) is_up_ = is_up_ ? !(close[i] < lower_) : close[i] > upper_;
      block.out[0][i] = is_up_ ? lower_ : upper_;
      block.out[1][i] = is_up_ ? 1.0 : -1.0;
    }
  }
  void state(StateArchive& archive) override {
    archive(is_up_);
    archive(upper_);
    archive(lower_);
  }

 private:
  double multiplier_;
  bool is_up_ = true;
  double upper_ = 0, lower_ = 0;
};

NodeRef supertrend_node(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const double multiplier = op.real("k");
  const NodeRef high = op.in(0), low = op.in(1), close = op.in(2);
  const NodeRef range = wilder(graph, true_range(graph, high, low, close), op.integer("window"));
  return graph.add(
      {"supertrend", {multiplier}, {high, low, close, range}}, {.lag = {0, 0, 1, 0}, .settle = std::nullopt},
      [multiplier] { return std::make_unique<Supertrend>(multiplier); }, 2);
}

OpInfo supertrend_of(std::string_view name, std::string_view summary, std::string_view scale,
                     std::string_view talib, NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Seban's Supertrend: (high + low) / 2 and `k` ATR to either side; it starts upwards; TA-Lib "
          "SUPERTREND",
      .columns = {"high", "low", "close"},
      .params = {window_param(10, 2, "bars in the average true range"),
                 {"k", ParamType::real, 0.01, 100, 3, "average true ranges from the middle to a band"}},
      .warmup = "window",
      .memory = Memory::unbounded,
      .scale = scale,
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> supertrend() {
  return {
      supertrend_of("SUPERTREND",
                    "Supertrend: the lower band while the trend is up, the upper one while it is down",
                    "high", "SUPERTREND(timeperiod=window, multiplier=k).supertrend", supertrend_node),
      supertrend_of("SUPERTREND_DIRECTION", "Supertrend's direction: 1 up, -1 down", "1",
                    "SUPERTREND(timeperiod=window, multiplier=k).trend",
                    [](Lowering& op) { return NodeRef{supertrend_node(op).node, 1}; }),
  };
}

}  // namespace sentio::ops
