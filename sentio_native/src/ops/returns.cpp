// IDENT, LOGRET, MOMENTUM, ROC: a series itself, and its change over `window` bars.
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// A source of volumes may hold zeros; the ratio has no value there.
NodeRef lower_roc(Lowering& op) {
  const auto window = op.integer("window");
  return pointwise(
      op.graph(), "roc", {op.in(0)},
      [window](const double* const* in, std::ptrdiff_t i) {
        const double before = in[0][i - window];
        return before != 0.0 ? held(100.0 * (in[0][i] / before - 1.0)) : 0.0;
      },
      window);
}

ParamInfo horizon(double default_value) {
  return window_param(default_value, 1, "bars back to the value compared with");
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
          .name = "LOGRET",
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
      {
          .name = "ROC",
          .summary = "Rate of change in percent over `window` bars: 100 (x / x[-window] - 1)",
          .definition = "TA-Lib ROC",
          .sources = {"close"},
          .params = {horizon(10)},
          .warmup = "window",
          .neutral = "0 where x[-window] is 0; held within 1e60",
          .scale = "100",
          .talib = "ROC(timeperiod=window)",
          .lower = lower_roc,
      },
  };
}

}  // namespace sentio::ops
