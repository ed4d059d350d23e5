// The first and second moments of a window, about a row in it: what folds that are made of them share.
#pragma once

#include <cstddef>

namespace sentio {

struct MomentsFold {
  struct Value {
    double sum, squares;
  };
  double per_row;  // 1 / window

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    const double d = in[0][i] - in[0][anchor];
    return {d, d * d};
  }
  Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    const double step = in[0][from] - in[0][to];
    const double sum = v.sum + rows * step;
    return {sum, v.squares + step * (v.sum + sum)};
  }

  // How far the mean is from the anchor's value.
  [[nodiscard]] double shift(const Value& all) const noexcept { return all.sum * per_row; }
  // Exactly zero where all rows are equal.
  [[nodiscard]] double variance(const Value& all) const noexcept {
    const double rest = all.squares * per_row - shift(all) * shift(all);
    return rest > 0.0 ? rest : 0.0;
  }
  // How far the newest row is from the mean, without the digits that a mean of 1e6 would cost it.
  [[nodiscard]] double deviation(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor,
                                 const Value& all) const noexcept {
    return (in[0][i] - in[0][anchor]) - shift(all);
  }
};

}  // namespace sentio
