// AROONOSC: the Aroon oscillator.
#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// Bars since the window's largest value times `sign`, the latest of equal ones.
struct AgeFold {
  struct Value {
    double best;
    std::ptrdiff_t place;  // from the anchor on
  };
  double sign;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    return {sign * in[0][i], i - anchor};
  }
  Value join(const Value& older, const Value& newer) const noexcept {
    return newer.best < older.best ? older : newer;
  }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    out[0][i] = static_cast<double>(i - anchor - all.place);
  }
};

NodeRef lower_aroon_oscillator(Lowering& op) {
  const auto window = op.integer("window");
  const auto count = static_cast<double>(window);
  const NodeRef since_high = window_fold(op.graph(), "highest_age", {op.in(0)}, window + 1, AgeFold{1.0});
  const NodeRef since_low = window_fold(op.graph(), "lowest_age", {op.in(1)}, window + 1, AgeFold{-1.0});
  return pointwise(
      op.graph(), "aroon_oscillator", {since_high, since_low},
      [count](const double* const* in, std::ptrdiff_t i) { return 100.0 / count * (in[1][i] - in[0][i]); }, 0,
      {count});
}

}  // namespace

std::vector<OpInfo> aroon() {
  return {{
      .name = "AROONOSC",
      .summary = "Aroon oscillator, -100 to 100: bars since the lowest low less bars since the highest high",
      .definition = "Chande, A time price oscillator (1995); TA-Lib AROONOSC",
      .columns = {"high", "low"},
      .params = {window_param(14)},
      .warmup = "window",
      .scale = "100",
      .talib = "AROONOSC(timeperiod=window)",
      .lower = lower_aroon_oscillator,
  }};
}

}  // namespace sentio::ops
