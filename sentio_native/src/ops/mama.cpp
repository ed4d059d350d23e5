// MAMA, FAMA: Ehlers' MESA adaptive moving average, and the one that follows it.
#include <memory>

#include "kernels/cycle.hpp"
#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// An average whose weight is larger the less the phase turns, and that weight. It starts from the first
// value.
class AdaptiveAverage final : public Kernel {
 public:
  AdaptiveAverage(double fast_limit, double slow_limit) : fast_limit_(fast_limit), slow_limit_(slow_limit) {}

  void run(const Block& block) noexcept override {
    if (block.first == 0) mama_ = block.in[0][0];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double degrees = slope_degrees(block.in[2][i], block.in[1][i]);
      const double turn = larger(1.0, degrees_ - degrees);
      degrees_ = degrees;
      const double weight = larger(fast_limit_ / turn, slow_limit_);
      mama_ += weight * (block.in[0][i] - mama_);
      block.out[0][i] = mama_;
      block.out[1][i] = weight;
    }
  }
  void state(StateArchive& archive) override {
    archive(degrees_);
    archive(mama_);
  }

 private:
  double fast_limit_, slow_limit_;
  double degrees_ = 0, mama_ = 0;
};

// The average of that one, with half its weight.
class FollowingAverage final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    if (block.first == 0) fama_ = block.in[0][0];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      fama_ += 0.5 * block.in[1][i] * (block.in[0][i] - fama_);
      block.out[0][i] = fama_;
    }
  }
  void state(StateArchive& archive) override { archive(fama_); }

 private:
  double fama_ = 0;
};

struct Adaptive {
  NodeRef average, weight;
};

Adaptive adaptive(Lowering& op) {
  const double fast_limit = op.real("fast_limit"), slow_limit = op.real("slow_limit");
  const Cycle measured = cycle(op.graph(), op.in(0), kPeriodFirst);
  const int node =
      op.graph()
          .add(
              {"adaptive_average",
               {fast_limit, slow_limit},
               {op.in(0), measured.in_phase, measured.quadrature}},
              {.settle = std::nullopt},
              [fast_limit, slow_limit] { return std::make_unique<AdaptiveAverage>(fast_limit, slow_limit); },
              2)
          .node;
  return {{node, 0}, {node, 1}};
}

NodeRef lower_mama(Lowering& op) {
  return counted(op.graph(), adaptive(op).average, op.in(0), kPeriodFirst);
}

NodeRef lower_fama(Lowering& op) {
  const Adaptive followed = adaptive(op);
  const NodeRef following =
      op.graph().add({"following_average", {}, {followed.average, followed.weight}}, {.settle = std::nullopt},
                     [] { return std::make_unique<FollowingAverage>(); });
  return counted(op.graph(), following, op.in(0), kPeriodFirst);
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
      // The fast one's least value is above the slow one's: with both at that, the phase would have no say.
      .params = {{"fast_limit", ParamType::real, 0.02, 0.99, 0.5,
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
              "MAMA(fastlimit=fast_limit, slowlimit=slow_limit).mama", lower_mama),
      average("FAMA", "Following adaptive moving average: MAMA's own average, with half its weight",
              "MAMA(fastlimit=fast_limit, slowlimit=slow_limit).fama", lower_fama),
  };
}

}  // namespace sentio::ops
