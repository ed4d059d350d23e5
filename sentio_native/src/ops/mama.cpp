// MAMA, FAMA: Ehlers' MESA adaptive moving average, and the one that follows it.
#include <memory>

#include "kernels/cycle.hpp"
#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// Averages whose weight is larger the faster the phase turns. They start from the first value.
class AdaptiveAverages final : public Kernel {
 public:
  AdaptiveAverages(double fast_limit, double slow_limit) : fast_limit_(fast_limit), slow_limit_(slow_limit) {}

  void run(const Block& block) noexcept override {
    if (block.first == 0) mama_ = fama_ = block.in[0][0];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double degrees = slope_degrees(block.in[2][i], block.in[1][i]);
      const double turn = larger(1.0, degrees_ - degrees);
      degrees_ = degrees;
      const double weight = larger(fast_limit_ / turn, slow_limit_);
      mama_ += weight * (block.in[0][i] - mama_);
      fama_ += 0.5 * weight * (mama_ - fama_);
      block.out[0][i] = mama_;
      block.out[1][i] = fama_;
    }
  }
  void state(StateArchive& archive) override {
    for (double* value : {&degrees_, &mama_, &fama_}) archive(*value);
  }

 private:
  double fast_limit_, slow_limit_;
  double degrees_ = 0, mama_ = 0, fama_ = 0;
};

NodeRef lower_adaptive(Lowering& op, int output) {
  const double fast_limit = op.real("fast_limit"), slow_limit = op.real("slow_limit");
  const Cycle measured = cycle(op.graph(), op.in(0), kPeriodFirst);
  const NodeRef both = op.graph().add(
      {"adaptive_averages", {fast_limit, slow_limit}, {op.in(0), measured.in_phase, measured.quadrature}},
      {.settle = std::nullopt},
      [fast_limit, slow_limit] { return std::make_unique<AdaptiveAverages>(fast_limit, slow_limit); }, 2);
  return counted(op.graph(), {both.node, output}, op.in(0), kPeriodFirst);
}

OpInfo average(std::string_view name, std::string_view summary, std::string_view talib,
               NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition =
          "Ehlers, MESA adaptive moving averages, Stocks & Commodities 19:10 (2001); TA-Lib MAMA but for the "
          "start, which is the first value (TA-Lib: 0)",
      .sources = {"close"},
      .params = {{"fast_limit", ParamType::real, 0.01, 0.99, 0.5,
                  "weight of a new value while the phase rests"},
                 {"slow_limit", ParamType::real, 0.01, 0.99, 0.05, "the least weight of a new value"}},
      .warmup = "32",
      .memory = Memory::unbounded,
      .neutral = "a phase of 0 where its in-phase component is 0",
      .scale = "source",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> mama() {
  return {
      average("MAMA",
              "MESA adaptive moving average: its weight is `fast_limit` over the phase's turn in degrees",
              "MAMA(fastlimit=fast_limit, slowlimit=slow_limit).mama",
              [](Lowering& op) { return lower_adaptive(op, 0); }),
      average("FAMA", "Following adaptive moving average: MAMA's own average, with half its weight",
              "MAMA(fastlimit=fast_limit, slowlimit=slow_limit).fama",
              [](Lowering& op) { return lower_adaptive(op, 1); }),
  };
}

}  // namespace sentio::ops
