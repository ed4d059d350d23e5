// IDENT, LOGRET, MOMENTUM, ROC, ROCP, ROCR, ROCR100, TRIX: a series itself, and its change over some bars.
#include "ops/op_file.hpp"
#include "ops/rate_of_change.hpp"

namespace sentio::ops {
namespace {

template <int factor, int base>
NodeRef lower_rate(Lowering& op) {
  return rate_of_change(op.graph(), op.in(0), op.integer("window"), factor, base);
}

NodeRef lower_trix(Lowering& op) {
  NodeRef smooth = op.in(0);
  for (int pass = 0; pass < 3; ++pass) smooth = sentio::ema(op.graph(), smooth, op.integer("window"));
  return rate_of_change(op.graph(), smooth, 1, 100.0, 1.0);
}

ParamInfo horizon(double default_value) {
  return window_param(default_value, 1, "bars back to the value compared with");
}

OpInfo rate(std::string_view name, std::string_view summary, std::string_view neutral, std::string_view scale,
            std::string_view talib, NodeRef (*lower)(Lowering&)) {
  return {
      .name = name,
      .summary = summary,
      .definition = "TA-Lib ROC, ROCP, ROCR, ROCR100",
      .sources = {"close"},
      .params = {horizon(10)},
      .warmup = "window",
      .neutral = neutral,
      .scale = scale,
      .talib = talib,
      .lower = lower,
  };
}

}  // namespace

std::vector<OpInfo> returns() {
  return {
      {
          .name = "IDENT",
          .summary = "The series itself",
          .definition = "the identity",
          .sources = {"close"},
          .scale = "source",
          .lower = [](Lowering& op) { return op.in(0); },
      },
      {
          .name = "DELAY",
          .summary = "The value `window` bars before: x[-window]",
          .definition = "the lag operator; qlib Ref",
          .sources = {"close"},
          .params = {window_param(1, 1, "bars back to the value")},
          .warmup = "window",
          .scale = "source",
          .lower = [](Lowering& op) { return delayed(op.graph(), op.in(0), op.integer("window")); },
      },
      {
          .name = "DIFF",
          .summary = "Change over `window` bars, one unless told otherwise: x - x[-window]",
          .definition = "the difference; MOMENTUM is the same, of 10 bars",
          .sources = {"close"},
          .params = {horizon(1)},
          .warmup = "window",
          .scale = "source",
          .lower = [](Lowering& op) { return change(op.graph(), op.in(0), op.integer("window")); },
      },
      {
          .name = "LOGRET",
          .version = 2,
          .summary = "Log return over `window` bars: log(x / x[-window])",
          .definition = "the continuously compounded return; Campbell, Lo and MacKinlay (1997), section 1.4",
          .sources = {"close"},
          .params = {horizon(1)},
          .warmup = "window",
          .neutral = "0 where the ratio is not positive and finite",
          .lower = [](Lowering& op) { return log_return(op.graph(), op.in(0), op.integer("window")); },
      },
      {
          .name = "MOMENTUM",
          .summary = "Change over `window` bars: x - x[-window]",
          .definition = "TA-Lib MOM",
          .sources = {"close"},
          .params = {horizon(10)},
          .warmup = "window",
          .scale = "source",
          .talib = "MOM(timeperiod=window)",
          .lower = [](Lowering& op) { return change(op.graph(), op.in(0), op.integer("window")); },
      },
      rate("ROC", "Rate of change in percent over `window` bars: 100 (x / x[-window] - 1)",
           "0 where x[-window] is 0; held within 1e60", "100", "ROC(timeperiod=window)", lower_rate<100, 1>),
      rate("ROCP", "Rate of change over `window` bars: x / x[-window] - 1",
           "0 where x[-window] is 0; held within 1e60", "1", "ROCP(timeperiod=window)", lower_rate<1, 1>),
      rate("ROCR", "Ratio to the value `window` bars ago: x / x[-window]",
           "1 where x[-window] is 0 (TA-Lib: 0); held within 1e60", "1", "ROCR(timeperiod=window)",
           lower_rate<1, 0>),
      rate("ROCR100", "Ratio in percent to the value `window` bars ago: 100 x / x[-window]",
           "100 where x[-window] is 0 (TA-Lib: 0); held within 1e60", "100", "ROCR100(timeperiod=window)",
           lower_rate<100, 0>),
      {
          .name = "TRIX",
          .summary = "Change in percent from bar to bar of an EMA over `window` of an EMA of an EMA",
          .definition =
              "Hutson, Good TRIX, Stocks and Commodities 1 (1983); TA-Lib TRIX but for the averages' start, "
              "which is that of EMA",
          .sources = {"close"},
          .params = {window_param(30, 2, "span of each of the three averages")},
          .warmup = "3 * window - 2",
          .memory = Memory::decaying,
          .neutral = "0 where the average was 0; held within 1e60",
          .scale = "100",
          .talib = "TRIX(timeperiod=window)",
          .lower = lower_trix,
      },
  };
}

}  // namespace sentio::ops
