// ADOSC: Chaikin's oscillator, two averages of the accumulation/distribution line apart.
#include <memory>

#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// How far the sum of all rows is above its own EMA. The sum, which never forgets and grows without bound, is
// not needed: a row raises both, and the gap that it leaves falls by `keep` a row.
class AboveAverage final : public Kernel {
 public:
  explicit AboveAverage(double keep) : keep_(keep) {}
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      above_ = block.first + i == 0 ? 0.0 : forget(keep_ * (above_ + block.in[0][i]));
      block.out[0][i] = above_;
    }
  }
  void state(StateArchive& archive) override { archive(above_); }

 private:
  double keep_;  // 1 - alpha
  double above_ = 0;
};

NodeRef sum_above_its_ema(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const double alpha = 2.0 / (static_cast<double>(window) + 1.0);
  return graph.add({"sum_above_its_ema", {static_cast<double>(window)}, {x}},
                   {.mask = window - 1, .settle = forgetting_rows(alpha)},
                   [alpha] { return std::make_unique<AboveAverage>(1.0 - alpha); });
}

NodeRef lower_adosc(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const NodeRef flow = money_flow_volume(graph, op.in(0), op.in(1), op.in(2), op.in(3));
  return pointwise(graph, "difference",
                   {sum_above_its_ema(graph, flow, op.integer("slow")),
                    sum_above_its_ema(graph, flow, op.integer("fast"))},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

}  // namespace

std::vector<OpInfo> adosc() {
  return {{
      .name = "ADOSC",
      .summary = "Chaikin oscillator: EMA over `fast` minus EMA over `slow` of AD_LINE",
      .definition = "Chaikin; Achelis, Technical Analysis from A to Z, 2nd ed. (2001); TA-Lib ADOSC",
      .columns = {"high", "low", "close", "volume"},
      .params = {{"fast", ParamType::integer, 2, kMaxWindow - 1, 3, "span of the faster average"},
                 {"slow", ParamType::integer, 3, kMaxWindow, 10, "span of the slower average"}},
      .warmup = "slow - 1",
      .memory = Memory::decaying,
      .neutral = "a bar without range adds 0",
      .scale = "volume",
      .talib = "ADOSC(fastperiod=fast, slowperiod=slow)",
      .lower = lower_adosc,
  }};
}

}  // namespace sentio::ops
