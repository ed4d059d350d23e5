// PLUS_DM, MINUS_DM, PLUS_DI, MINUS_DI, DX, ADX, ADXR: Wilder's directional movement.
#include <algorithm>
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
  if (window == 1) return x;  // it falls by all that it is
  return graph.add({"wilder_sum", {static_cast<double>(window)}, {x}},
                   {.mask = std::max<std::int64_t>(window - 2, 0),
                    .settle = window + forgetting_rows(1.0 / static_cast<double>(window))},
                   [window] { return std::make_unique<WilderSum>(window); });
}

// Inputs high, low: how far a bar reaches beyond the one before on one side, where it reaches farther than on
// the other.
constexpr auto movement_up = [](const double* const* in, std::ptrdiff_t i) {
  const double up = in[0][i] - in[0][i - 1], down = in[1][i - 1] - in[1][i];
  return up > down && up > 0.0 ? up : 0.0;
};

constexpr auto movement_down = [](const double* const* in, std::ptrdiff_t i) {
  const double up = in[0][i] - in[0][i - 1], down = in[1][i - 1] - in[1][i];
  return down > up && down > 0.0 ? down : 0.0;
};

NodeRef plus_movement(Lowering& op) {
  return wilder_sum(op.graph(), pointwise(op.graph(), "movement_up", {op.in(0), op.in(1)}, movement_up, 1),
                    op.integer("window"));
}

NodeRef minus_movement(Lowering& op) {
  return wilder_sum(op.graph(),
                    pointwise(op.graph(), "movement_down", {op.in(0), op.in(1)}, movement_down, 1),
                    op.integer("window"));
}

// The sums' first row, which adds up `window - 1` bars, is a movement but not yet an index: indices start one
// row later.
constexpr std::int64_t kIndexWait = 1;

NodeRef indicator(Lowering& op, NodeRef movement) {
  const NodeRef range =
      wilder_sum(op.graph(), true_range(op.graph(), op.in(0), op.in(1), op.in(2)), op.integer("window"));
  const NodeRef share = pointwise(op.graph(), "directional_indicator", {movement, range},
                                  [](const double* const* in, std::ptrdiff_t i) {
                                    return in[1][i] > 0.0 ? 100.0 * (in[0][i] / in[1][i]) : 0.0;
                                  });
  return waiting(op.graph(), share, kIndexWait);
}

// The definition divides both movements by the true range; in their ratio that cancels.
NodeRef directional_index(Lowering& op) {
  const NodeRef index =
      pointwise(op.graph(), "directional_index", {plus_movement(op), minus_movement(op)},
                [](const double* const* in, std::ptrdiff_t i) {
                  const double difference = in[0][i] - in[1][i], both = in[0][i] + in[1][i];
                  return both > 0.0 ? 100.0 * (larger(difference, -difference) / both) : 0.0;
                });
  return waiting(op.graph(), index, kIndexWait);
}

NodeRef average_index(Lowering& op) {
  return wilder(op.graph(), directional_index(op), op.integer("window"));
}

NodeRef index_rating(Lowering& op) {
  const auto back = op.integer("window") - 1;
  return pointwise(
      op.graph(), "mean_with_before", {average_index(op)},
      [back](const double* const* in, std::ptrdiff_t i) { return (in[0][i] + in[0][i - back]) / 2.0; }, back);
}

constexpr std::string_view kDefinition =
    "Wilder, New Concepts in Technical Trading Systems (1978), as TA-Lib starts it";

OpInfo movement(std::string_view name, std::string_view summary, std::string_view talib,
                NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = kDefinition,
      .columns = {"high", "low"},
      .params = {window_param(14, 1)},
      .warmup = "max(window - 1, 1)",
      .memory = Memory::decaying,
      .scale = "close",
      .talib = talib,
      .lower = lower,
  };
}

OpInfo index(std::string_view name, std::string_view summary, std::vector<std::string_view> columns,
             std::string_view warmup, std::string_view neutral, std::string_view talib,
             NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = kDefinition,
      .columns = std::move(columns),
      .params = {window_param(14)},
      .warmup = warmup,
      .memory = Memory::decaying,
      .neutral = neutral,
      .scale = "100",
      .talib = talib,
      .lower = lower,
  };
}

constexpr std::string_view kNoRange = "0 while no range is remembered";
constexpr std::string_view kNoMovement =
    "a bar counts 0 while no movement is remembered (TA-Lib: after its start, such bars are left out)";

}  // namespace

std::vector<OpInfo> directional_movement() {
  return {
      movement("PLUS_DM", "Directional movement upward: Wilder's falling sum over `window` bars",
               "PLUS_DM(timeperiod=window)", plus_movement),
      movement("MINUS_DM", "Directional movement downward: Wilder's falling sum over `window` bars",
               "MINUS_DM(timeperiod=window)", minus_movement),
      index("PLUS_DI", "Directional indicator upward, 0 to 100: the movement's sum over the true range's",
            {"high", "low", "close"}, "window", kNoRange, "PLUS_DI(timeperiod=window)",
            [](Lowering& op) { return indicator(op, plus_movement(op)); }),
      index("MINUS_DI", "Directional indicator downward, 0 to 100: the movement's sum over the true range's",
            {"high", "low", "close"}, "window", kNoRange, "MINUS_DI(timeperiod=window)",
            [](Lowering& op) { return indicator(op, minus_movement(op)); }),
      index("DX", "Directional index, 0 to 100: the imbalance of the two movements", {"high", "low"},
            "window", "0 while no movement is remembered (TA-Lib: the value before)", "DX(timeperiod=window)",
            directional_index),
      index("ADX", "Average directional index, 0 to 100: Wilder's average of the movements' imbalance",
            {"high", "low"}, "2 * window - 1", kNoMovement, "ADX(timeperiod=window)", average_index),
      index("ADXR", "Average directional index rating, 0 to 100: the mean of ADX and ADX[-(window - 1)]",
            {"high", "low"}, "3 * window - 2", kNoMovement, "ADXR(timeperiod=window)", index_rating),
  };
}

}  // namespace sentio::ops
