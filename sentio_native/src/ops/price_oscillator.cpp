// APO, PPO, PVO: a fast average above a slow one.
#include "kernels/moving_average.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

struct Averages {
  NodeRef fast, slow;
};

Averages averages(Lowering& op) {
  const auto type = static_cast<AverageType>(op.integer("ma_type"));
  return {moving_average(op.graph(), op.in(0), op.integer("fast"), type),
          moving_average(op.graph(), op.in(0), op.integer("slow"), type)};
}

NodeRef lower_absolute(Lowering& op) {
  const Averages of = averages(op);
  return pointwise(op.graph(), "difference", {of.fast, of.slow},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

NodeRef lower_percentage(Lowering& op) {
  const Averages of = averages(op);
  return pointwise(op.graph(), "percent_above", {of.fast, of.slow},
                   [](const double* const* in, std::ptrdiff_t i) {
                     return in[1][i] != 0.0 ? held(100.0 * ((in[0][i] - in[1][i]) / in[1][i])) : 0.0;
                   });
}

OpInfo oscillator(std::string_view name, std::string_view summary, std::string_view definition) {
  return {
      .name = name,
      .summary = summary,
      .definition = definition,
      .params = {{"fast", ParamType::integer, 2, kMaxWindow - 1, 12, "bars of the faster average"},
                 {"slow", ParamType::integer, 3, kMaxWindow, 26, "bars of the slower average"},
                 average_type_param("ma_type", AverageType::ema, "which average, by TA-Lib's number")},
      .warmup = "average_warmup(slow, ma_type)",
      .memory = Memory::decaying,
  };
}

}  // namespace

std::vector<OpInfo> price_oscillator() {
  OpInfo absolute =
      oscillator("APO", "Absolute price oscillator: the average over `fast` minus that over `slow`",
                 "Appel, The Moving Average Convergence-Divergence Trading Method (1979); TA-Lib APO but for "
                 "the averages' start: each has its op's own, whatever the other one needs");
  absolute.sources = {"close"};
  absolute.scale = "source";
  absolute.talib = "APO(fastperiod=fast, slowperiod=slow, matype=ma_type)";
  absolute.lower = lower_absolute;

  OpInfo percentage = oscillator(
      "PPO",
      "Percentage price oscillator: the average over `fast` minus that over `slow`, in percent of the latter",
      "Appel, Technical Analysis: Power Tools for Active Investors (2005); TA-Lib PPO but for the averages' "
      "start: each has its op's own, whatever the other one needs");
  percentage.sources = {"close"};
  percentage.neutral = "0 where the slower average is 0; held within 1e60";
  percentage.scale = "100";
  percentage.talib = "PPO(fastperiod=fast, slowperiod=slow, matype=ma_type)";
  percentage.lower = lower_percentage;

  OpInfo of_volume = oscillator("PVO",
                                "Percentage volume oscillator: the average over `fast` minus that over "
                                "`slow`, in percent of the latter",
                                "Appel's percentage price oscillator, of volume; TA-Lib PVO but for the "
                                "averages' start: each has its op's own, whatever the other one needs");
  of_volume.columns = {"volume"};
  of_volume.neutral = "0 where the slower average is 0, as without volume; held within 1e60";
  of_volume.scale = "100";
  of_volume.talib = "PVO(fastperiod=fast, slowperiod=slow, matype=ma_type)";
  of_volume.lower = lower_percentage;
  return {absolute, percentage, of_volume};
}

}  // namespace sentio::ops
