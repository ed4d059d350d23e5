// SKEWNESS, KURTOSIS: the third and fourth standardised moments of the last `window` values.
#include <cmath>

#include "kernels/window_fold.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

// The first four moments about the anchor.
struct HigherMomentsFold {
  struct Value {
    double first, second, third, fourth;
  };
  static constexpr std::size_t kOutputs = 2;
  double window;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double d = in[0][i] - in[0][anchor];
    const double squared = d * d;
    return {d, squared, squared * d, squared * squared};
  }
  // The binomial theorem, term by term.
  Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    const double step = in[0][from] - in[0][to];
    const double first = v.first + rows * step;
    return {first, v.second + step * (v.first + first),
            v.third + step * (3.0 * v.second + step * (2.0 * v.first + first)),
            v.fourth + step * (4.0 * v.third + step * (6.0 * v.second + step * (3.0 * v.first + first)))};
  }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t, const Value& all,
              double* const* out) const noexcept {
    const double mean = all.first / window, squared = mean * mean;
    const double second = all.second / window, third = all.third / window;
    const double variance = second - squared;
    const double cube = third - 3.0 * mean * second + 2.0 * mean * squared;
    const double fourth =
        all.fourth / window - 4.0 * mean * third + 6.0 * squared * second - 3.0 * squared * squared;
    // One factor at a time: the variance's powers may be too small for a double where the variance is not.
    out[0][i] = variance > 0.0 ? cube / variance / std::sqrt(variance) : 0.0;
    out[1][i] = variance > 0.0 ? fourth / variance / variance - 3.0 : 0.0;
  }
};

NodeRef higher_moment(Lowering& op, int output) {
  const auto window = op.integer("window");
  const NodeRef node = window_fold(op.graph(), "higher_moments", {op.in(0)}, window,
                                   HigherMomentsFold{static_cast<double>(window)});
  return {node.node, output};
}

}  // namespace

std::vector<OpInfo> higher_moments() {
  return {
      {
          .name = "SKEWNESS",
          .version = 3,
          .summary = "Population skewness of the last `window` values",
          .definition = "g1 of Joanes and Gill (1998); scipy.stats.skew",
          .sources = {"logret"},
          .params = {window_param(60, 3)},
          .warmup = "window - 1",
          .neutral = "0 in a flat window",
          .lower = [](Lowering& op) { return higher_moment(op, 0); },
      },
      {
          .name = "KURTOSIS",
          .version = 3,
          .summary = "Population excess kurtosis of the last `window` values, 0 for a normal law",
          .definition = "g2 of Joanes and Gill (1998); scipy.stats.kurtosis",
          .sources = {"logret"},
          .params = {window_param(60, 4)},
          .warmup = "window - 1",
          .neutral = "0 in a flat window",
          .lower = [](Lowering& op) { return higher_moment(op, 1); },
      },
  };
}

}  // namespace sentio::ops
