// For a row that comes alone: what is made of two runs each, in vectors over the windows.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "kernels/fold.hpp"
#include "kernels/in_vectors.hpp"

namespace sentio {

// See WindowDoubling, whose arithmetic this is, to the bit.
template <class Fold>
class RunJoins {
  using Value = typename Fold::Value;
  using Numbers = NumbersOf<Fold>;

 public:
  // Of the two runs, where their first numbers are at the row at hand; the older one ends `lag` rows before.
  void add(const Fold& fold, std::ptrdiff_t older, std::ptrdiff_t newer, std::ptrdiff_t lag,
           std::ptrdiff_t older_rows) {
    folds_.push_back(fold);
    older_.push_back(older - lag);
    newer_.push_back(newer);
    from_.push_back(-lag);
    older_rows_.push_back(static_cast<double>(older_rows));
  }

  [[nodiscard]] std::size_t size() const noexcept { return folds_.size(); }

  // Calls use(k, fold, in, value) for the k-th, where it may write what is at k in its arrays. The row at
  // hand is row 0 of `in`; the runs' numbers begin at `runs`, those of one are `stride` apart.
  template <class Use>
  void for_each(const double* const* in, const double* runs, std::ptrdiff_t stride,
                const Use& use) const noexcept {
    const std::size_t count = size();
    const Fold* folds = folds_.data();
    const std::ptrdiff_t *older = older_.data(), *newer = newer_.data(), *from = from_.data();
    const double* older_rows = older_rows_.data();
    SENTIO_INDEPENDENT_ROWS
    for (std::size_t k = 0; k < count; ++k) {
      Numbers a, b;
      for (std::size_t n = 0; n < a.size(); ++n) {
        const double* const numbers = runs + static_cast<std::ptrdiff_t>(n) * stride;
        a[n] = numbers[older[k]];
        b[n] = numbers[newer[k]];
      }
      const Fold fold = folds[k];
      const Value moved = fold.moved(std::bit_cast<Value>(a), older_rows[k], in, from[k], 0);
      use(k, fold, in, joined(fold, moved, std::bit_cast<Value>(b)));
    }
  }

 private:
  std::vector<Fold> folds_;
  std::vector<std::ptrdiff_t> older_, newer_, from_;
  std::vector<double> older_rows_;
};

}  // namespace sentio
