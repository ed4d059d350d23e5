// NVI, PVI: the price's moves on the days of falling and of rising volume alone.
#include <memory>

#include "kernels/compensated_product.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Keeps the bar before itself: the first bar has a value, which no lag allows for.
template <bool (*counts)(double volume, double before) noexcept>
class VolumeIndex final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double close = block.in[0][i], volume = block.in[1][i];
      if (block.first + i > 0 && counts(volume, volume_)) index_.multiply(close, close_, 1.0 / kLargest);
      close_ = close;
      volume_ = volume;
      block.out[0][i] = index_.value();
    }
  }
  void state(StateArchive& archive) override {
    archive(close_);
    archive(volume_);
    index_.state(archive);
  }

 private:
  double close_ = 0, volume_ = 0;
  CompensatedProduct index_{1000.0};
};

bool falls(double volume, double before) noexcept {
  return volume < before;
}
bool rises(double volume, double before) noexcept {
  return volume > before;
}

template <bool (*counts)(double volume, double before) noexcept>
NodeRef lower_index(Lowering& op, const char* name) {
  return op.graph().add({name, {}, {op.in(0), op.in(1)}}, {.settle = std::nullopt},
                        [] { return std::make_unique<VolumeIndex<counts>>(); });
}

OpInfo index(std::string_view name, std::string_view summary, std::string_view talib,
             NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = "Fosback, Stock Market Logic (1976); TA-Lib NVI, PVI",
      .columns = {"close", "volume"},
      .memory = Memory::unbounded,
      .neutral = "held within 1e-60 and 1e60",
      .scale = "1000",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> volume_index() {
  return {
      index("NVI",
            "Negative volume index: 1000, times close / close[-1] at each bar of less volume than before",
            "NVI()", [](Lowering& op) { return lower_index<falls>(op, "negative_volume_index"); }),
      index("PVI",
            "Positive volume index: 1000, times close / close[-1] at each bar of more volume than before",
            "PVI()", [](Lowering& op) { return lower_index<rises>(op, "positive_volume_index"); }),
  };
}

}  // namespace sentio::ops
