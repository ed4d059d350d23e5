// ADD, SUB, MUL, DIV, RATIO, MAX, MIN of two series; ABS, SIGN, LOG, CLIP of one; CONSTANT: arithmetic of
// features, so that a new feature needs no C++. Results are held within 1e60, so that no chain of them ever
// overflows.
#include <cmath>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

double divide(double a, double b) noexcept {
  const double quotient = held(a / b);  // taken in any case: a choice runs in vectors, a branch costs masks
  return b != 0.0 ? quotient : 0.0;
}

NodeRef lower_add(Lowering& op) {
  return pointwise(op.graph(), "add", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i] + in[1][i]); });
}

NodeRef lower_sub(Lowering& op) {
  return pointwise(op.graph(), "sub", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i] - in[1][i]); });
}

NodeRef lower_mul(Lowering& op) {
  return pointwise(op.graph(), "mul", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i] * in[1][i]); });
}

NodeRef lower_div(Lowering& op) {
  return pointwise(op.graph(), "div", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return divide(in[0][i], in[1][i]); });
}

NodeRef lower_ratio(Lowering& op) {
  return pointwise(op.graph(), "ratio", {op.in(0), op.in(1)}, [](const double* const* in, std::ptrdiff_t i) {
    return divide(in[0][i] - in[1][i], in[1][i]);
  });
}

NodeRef lower_max(Lowering& op) {
  return pointwise(op.graph(), "max", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return larger(in[0][i], in[1][i]); });
}

NodeRef lower_min(Lowering& op) {
  return pointwise(op.graph(), "min", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return smaller(in[0][i], in[1][i]); });
}

NodeRef lower_abs(Lowering& op) {
  return pointwise(op.graph(), "abs", {op.in(0)},
                   [](const double* const* in, std::ptrdiff_t i) { return std::abs(in[0][i]); });
}

NodeRef lower_sign(Lowering& op) {
  return pointwise(op.graph(), "sign", {op.in(0)}, [](const double* const* in, std::ptrdiff_t i) {
    return (in[0][i] > 0.0 ? 1.0 : 0.0) - (in[0][i] < 0.0 ? 1.0 : 0.0);
  });
}

NodeRef lower_log(Lowering& op) {
  return pointwise(op.graph(), "log", {op.in(0)},
                   [](const double* const* in, std::ptrdiff_t i) { return log_ratio(in[0][i], 1.0); });
}

NodeRef lower_clip(Lowering& op) {
  const double low = op.real("low"), high = op.real("high");
  return pointwise(
      op.graph(), "clip", {op.in(0)},
      [low, high](const double* const* in, std::ptrdiff_t i) { return smaller(larger(in[0][i], low), high); },
      0, {low, high});
}

NodeRef lower_constant(Lowering& op) {
  const double value = op.real("value");
  return pointwise(op.graph(), "constant", {},
                   [value](const double* const*, std::ptrdiff_t) { return value; }, 0, {value});
}

ParamInfo number(std::string_view name, std::optional<double> default_value, std::string_view summary) {
  return {name, ParamType::real, -kLargest, kLargest, default_value, summary};
}

}  // namespace

std::vector<OpInfo> arithmetic() {
  return {
      {
          .name = "ADD",
          .summary = "Sum of two series: a + b",
          .definition = "addition",
          .sources = {"close", "open"},
          .neutral = "held within 1e60",
          .scale = "source",
          .talib = "ADD()",
          .lower = lower_add,
      },
      {
          .name = "SUB",
          .summary = "Difference of two series: a - b",
          .definition = "subtraction",
          .sources = {"close", "open"},
          .neutral = "held within 1e60",
          .scale = "source",
          .talib = "SUB()",
          .lower = lower_sub,
      },
      {
          .name = "MUL",
          .summary = "Product of two series: a b",
          .definition = "multiplication",
          .sources = {"close", "open"},
          .neutral = "held within 1e60",
          .scale = "source * source2",
          .talib = "MULT()",
          .lower = lower_mul,
      },
      {
          .name = "DIV",
          .summary = "Quotient of two series: a / b",
          .definition = "division",
          .sources = {"close", "open"},
          .neutral = "0 where b is 0; held within 1e60",
          .talib = "DIV()",
          .lower = lower_div,
      },
      {
          .name = "RATIO",
          .summary = "Relative distance of one series from another: (a - b) / b",
          .definition = "the relative difference",
          .sources = {"close", "open"},
          .neutral = "0 where b is 0; held within 1e60",
          .lower = lower_ratio,
      },
      {
          .name = "MAX",
          .summary = "The larger of two series at each bar; for a window's largest see ROLLING_MAX",
          .definition = "the maximum of two numbers",
          .sources = {"close", "open"},
          .scale = "source",
          .lower = lower_max,
      },
      {
          .name = "MIN",
          .summary = "The smaller of two series at each bar; for a window's smallest see ROLLING_MIN",
          .definition = "the minimum of two numbers",
          .sources = {"close", "open"},
          .scale = "source",
          .lower = lower_min,
      },
      {
          .name = "ABS",
          .summary = "Magnitude: the value without its sign",
          .definition = "the absolute value",
          .sources = {"close"},
          .scale = "source",
          .lower = lower_abs,
      },
      {
          .name = "SIGN",
          .summary = "1 where the value is positive, -1 where it is negative, 0 where it is zero",
          .definition = "the sign",
          .sources = {"close"},
          .lower = lower_sign,
      },
      {
          .name = "LOG",
          .summary = "Natural logarithm",
          .definition = "the logarithm to the base e",
          .sources = {"close"},
          .neutral = "0 where x is not positive",
          .homogeneous = false,
          .talib = "LN()",
          .lower = lower_log,
      },
      {
          .name = "CLIP",
          .summary = "The value, held between `low` and `high`",
          .definition = "min(max(x, low), high)",
          .sources = {"close"},
          .params = {number("low", -kLargest, "no value is smaller"),
                     number("high", kLargest, "no value is larger")},
          .scale = "source",
          .homogeneous = false,
          .lower = lower_clip,
      },
      {
          .name = "CONSTANT",
          .summary = "A number, the same at every bar: an operand of other ops",
          .definition = "the constant function",
          .params = {number("value", std::nullopt, "the number")},
          .lower = lower_constant,
      },
  };
}

}  // namespace sentio::ops
