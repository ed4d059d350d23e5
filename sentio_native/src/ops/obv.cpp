// OBV: Granville's on-balance volume.
#include <memory>

#include "kernels/compensated_sum.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Keeps the close itself: the first bar has a value, which no lag allows for.
class OnBalanceVolume final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double close = block.in[0][i], volume = block.in[1][i];
      if (block.first + i == 0 || close > before_) {
        sum_.add(volume);
      } else if (close < before_) {
        sum_.add(-volume);
      }
      before_ = close;
      block.out[0][i] = sum_.value();
    }
  }
  void state(StateArchive& archive) override {
    archive(before_);
    sum_.state(archive);
  }

 private:
  double before_ = 0;
  CompensatedSum sum_;
};

NodeRef lower_obv(Lowering& op) {
  return op.graph().add({"on_balance_volume", {}, {op.in(0), op.in(1)}}, {.settle = std::nullopt},
                        [] { return std::make_unique<OnBalanceVolume>(); });
}

}  // namespace

std::vector<OpInfo> obv() {
  return {{
      .name = "OBV",
      .summary =
          "On-balance volume: the first volume, then plus the volume of each rise, minus that of each fall",
      .definition = "Granville, New Key to Stock Market Profits (1963); TA-Lib OBV",
      .columns = {"close", "volume"},
      .memory = Memory::unbounded,
      .scale = "volume",
      .talib = "OBV()",
      .lower = lower_obv,
  }};
}

}  // namespace sentio::ops
