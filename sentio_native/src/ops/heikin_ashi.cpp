// HA_OPEN, HA_HIGH, HA_LOW, HA_CLOSE: Heikin-Ashi candles, in which noise is averaged away.
#include <memory>

#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// The first candle opens in the middle of its bar's body, each later one in that of the candle before.
class HeikinAshiOpen final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    const double *open = block.in[0], *close = block.in[1], *average = block.in[2];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      block.out[0][i] = block.first + i == 0 ? (open[i] + close[i]) / 2.0 : next_;
      next_ = (block.out[0][i] + average[i]) / 2.0;
    }
  }
  void state(StateArchive& archive) override { archive(next_); }

 private:
  double next_ = 0;
};

NodeRef lower_close(Lowering& op) {
  return *builtin_source(op.graph(), "ohlc4");
}

NodeRef lower_open(Lowering& op) {
  return op.graph().add({"heikin_ashi_open", {}, {op.in(0), op.in(3), lower_close(op)}},
                        {.settle = forgetting_rows(0.5)}, [] { return std::make_unique<HeikinAshiOpen>(); });
}

// The bar's own extreme, or the candle's open or close where that lies beyond it.
template <double (*choose)(double, double) noexcept>
NodeRef extreme(Lowering& op, const char* name, NodeRef own) {
  return pointwise(
      op.graph(), name, {own, lower_open(op), lower_close(op)},
      [](const double* const* in, std::ptrdiff_t i) { return choose(in[0][i], choose(in[1][i], in[2][i])); });
}

OpInfo output(std::string_view name, std::string_view summary, Memory memory, std::string_view talib,
              NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = "Valcu, Using the heikin-ashi technique, Stocks and Commodities 22 (2004); TA-Lib HA",
      .columns = {"open", "high", "low", "close"},
      .memory = memory,
      .scale = "close",
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> heikin_ashi() {
  return {
      output("HA_OPEN",
             "Heikin-Ashi open: (HA_OPEN[-1] + HA_CLOSE[-1]) / 2, at first the bar's (open + close) / 2",
             Memory::decaying, "HA().haopen", lower_open),
      output("HA_HIGH", "Heikin-Ashi high: the highest of high, HA_OPEN and HA_CLOSE", Memory::decaying,
             "HA().hahigh", [](Lowering& op) { return extreme<larger>(op, "ha_high", op.in(1)); }),
      output("HA_LOW", "Heikin-Ashi low: the lowest of low, HA_OPEN and HA_CLOSE", Memory::decaying,
             "HA().halow", [](Lowering& op) { return extreme<smaller>(op, "ha_low", op.in(2)); }),
      output("HA_CLOSE", "Heikin-Ashi close: (open + high + low + close) / 4", Memory::window, "HA().haclose",
             lower_close),
  };
}

}  // namespace sentio::ops
