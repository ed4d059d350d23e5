// SUB, DIV, RATIO, LOG: arithmetic of features, so that a new feature needs no C++.
#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

double divide(double a, double b) noexcept {
  return b != 0.0 ? held(a / b) : 0.0;
}

NodeRef lower_sub(Lowering& op) {
  return pointwise(op.graph(), "sub", {op.in(0), op.in(1)},
                   [](const double* const* in, std::ptrdiff_t i) { return held(in[0][i] - in[1][i]); });
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

NodeRef lower_log(Lowering& op) {
  return pointwise(op.graph(), "log", {op.in(0)},
                   [](const double* const* in, std::ptrdiff_t i) { return log_ratio(in[0][i], 1.0); });
}

}  // namespace

std::vector<OpInfo> arithmetic() {
  return {
      {
          .name = "SUB",
          .summary = "Difference of two series: a - b",
          .definition = "subtraction",
          .sources = {"close", "open"},
          .neutral = "held within 1e60",
          .scale = "source",
          .lower = lower_sub,
      },
      {
          .name = "DIV",
          .summary = "Quotient of two series: a / b",
          .definition = "division",
          .sources = {"close", "open"},
          .neutral = "0 where b is 0; held within 1e60",
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
          .name = "LOG",
          .summary = "Natural logarithm",
          .definition = "the logarithm to the base e",
          .sources = {"close"},
          .neutral = "0 where x is not positive",
          .homogeneous = false,
          .lower = lower_log,
      },
  };
}

}  // namespace sentio::ops
