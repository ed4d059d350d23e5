// MA and the averages that it chooses from: WMA, DEMA, TEMA, TRIMA, KAMA, T3, HMA, ZLEMA, RMA.
#include "kernels/moving_average.hpp"

#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

struct Told {
  std::string_view name, summary, definition, warmup, talib;
  Memory memory = Memory::decaying;
  std::string_view neutral{};
};

OpInfo average(const Told& told, NodeRef (*lower)(Lowering&)) {
  return {
      .name = told.name,
      .summary = told.summary,
      .definition = told.definition,
      .sources = {"close"},
      .params = {window_param(30)},
      .warmup = told.warmup,
      .memory = told.memory,
      .neutral = told.neutral,
      .scale = "source",
      .talib = told.talib,
      .lower = lower,
  };
}

template <NodeRef (*of)(GraphBuilder&, NodeRef, std::int64_t)>
NodeRef lower_average(Lowering& op) {
  return of(op.graph(), op.in(0), op.integer("window"));
}

NodeRef lower_ma(Lowering& op) {
  return moving_average(op.graph(), op.in(0), op.integer("window"),
                        static_cast<AverageType>(op.integer("ma_type")));
}

OpInfo with_param(OpInfo op, ParamInfo param) {
  op.params.push_back(std::move(param));
  return op;
}

}  // namespace

std::vector<OpInfo> moving_averages() {
  OpInfo t3_info = average(
      {
          .name = "T3",
          .summary = "Tillson's T3: DEMA, its correction weighted by `v_factor`, three times over",
          .definition =
              "Tillson, Better moving averages, Stocks & Commodities 16:1 (1998); TA-Lib T3 but for "
              "the averages' start, which is that of EMA",
          .warmup = "6 * (window - 1)",
          .talib = "T3(timeperiod=window, vfactor=v_factor)",
      },
      [](Lowering& op) { return t3(op.graph(), op.in(0), op.integer("window"), op.real("v_factor")); });
  t3_info.params.front().default_value = 5;
  return {
      average(
          {
              .name = "WMA",
              .summary = "Weighted moving average of `window` values: weight 1 for the oldest to `window` "
                         "for the newest",
              .definition = "TA-Lib WMA",
              .warmup = "window - 1",
              .talib = "WMA(timeperiod=window)",
              .memory = Memory::window,
          },
          lower_average<wma>),
      average(
          {
              .name = "TRIMA",
              .summary =
                  "Triangular moving average: the mean over half the window of the means over the other half",
              .definition =
                  "means over window / 2 + 1 and (window + 1) / 2 values, whole parts; TA-Lib TRIMA",
              .warmup = "window - 1",
              .talib = "TRIMA(timeperiod=window)",
              .memory = Memory::window,
          },
          lower_average<trima>),
      average(
          {
              .name = "DEMA",
              .summary = "Double exponential moving average: 2 EMA - EMA of EMA",
              .definition = "Mulloy, Smoothing data with faster moving averages, Stocks & Commodities 12:1 "
                            "(1994); TA-Lib DEMA but for the averages' start, which is that of EMA",
              .warmup = "2 * (window - 1)",
              .talib = "DEMA(timeperiod=window)",
          },
          lower_average<dema>),
      average(
          {
              .name = "TEMA",
              .summary = "Triple exponential moving average: 3 EMA - 3 EMA of EMA + EMA of EMA of EMA",
              .definition =
                  "Mulloy, Smoothing data with less lag, Stocks & Commodities 12:2 (1994); TA-Lib TEMA "
                  "but for the averages' start, which is that of EMA",
              .warmup = "3 * (window - 1)",
              .talib = "TEMA(timeperiod=window)",
          },
          lower_average<tema>),
      with_param(std::move(t3_info),
                 {"v_factor", ParamType::real, 0.01, 1, 0.7, "weight of the correction, 1 for DEMA's"}),
      average(
          {
              .name = "HMA",
              .summary =
                  "Hull moving average: WMA over sqrt(window) of 2 WMA over window / 2 - WMA over window",
              .definition = "Hull, How to reduce lag in a moving average (2005), whole parts; TA-Lib HMA",
              .warmup = "window + isqrt(window) - 2",
              .talib = "HMA(timeperiod=window)",
              .memory = Memory::window,
          },
          lower_average<hma>),
      average(
          {
              .name = "ZLEMA",
              .summary =
                  "Zero-lag exponential moving average: EMA of 2 x - x[-lag], lag the half of window - 1",
              .definition =
                  "Ehlers and Way, Zero lag (well, almost), Stocks & Commodities 28:11 (2010); TA-Lib "
                  "ZLEMA but for the average's start, which is that of EMA",
              .warmup = "window - 1 + (window - 1) // 2",
              .talib = "ZLEMA(timeperiod=window)",
          },
          lower_average<zlema>),
      average(
          {
              .name = "KAMA",
              .summary =
                  "Kaufman's adaptive moving average: the straighter the way of `window` changes, the faster",
              .definition =
                  "Kaufman, Smarter Trading (1995): the weight of a new value is (2/31 + ER (2/3 - 2/31))^2, "
                  "ER the EFFICIENCY_RATIO; it starts from the value before the first; TA-Lib KAMA",
              .warmup = "window",
              .talib = "KAMA(timeperiod=window)",
              .neutral = "an ER of 1 in a flat window",
          },
          lower_average<kama>),
      average(
          {
              .name = "RMA",
              .summary = "Wilder's moving average: y += (x - y) / window, from the mean of the first "
                         "`window` values",
              .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib RMA",
              .warmup = "window - 1",
              .talib = "RMA(timeperiod=window)",
          },
          lower_average<wilder>),
      with_param(
          average(
              {
                  .name = "MA",
                  .summary = "Moving average of a chosen type over `window` values",
                  .definition = "TA-Lib MA but for the start of the averages made of EMA, which is that of "
                                "EMA, and for the types that are refused",
                  .warmup = "average_warmup(window, ma_type)",
                  .talib = "MA(timeperiod=window, matype=ma_type)",
              },
              lower_ma),
          average_type_param("ma_type", AverageType::sma, "which average, by TA-Lib's number")),
  };
}

}  // namespace sentio::ops
