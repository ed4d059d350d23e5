// Any associative statistic of the last `window` rows, in amortised O(1) a row, without drift.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph.hpp"

namespace sentio {

// Rows are cut into blocks of `window` at boundaries fixed by the absolute row. A window is then the tail of
// one block and the head of the next: the tails are folded backwards once, when the head begins, and the head
// is folded as it grows (van Herk 1992; Gil and Werman 1993). Nothing is ever taken away, so nothing drifts,
// and what is cached here follows from the inputs' history alone, so there is no state to save.
//
// Fold provides
//   using Value = ...;
//   Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor)  what row i adds
//   Value join(const Value& older, const Value& newer)                           associative
//   void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all, double*
//   const* out)
// `anchor` is the row of the block's boundary, which lies inside every window of that block: sums are centred
// on its value, so that a mean of 1e6 with a deviation of 1e-3 keeps its digits.
template <class Fold>
class WindowFold final : public Kernel {
 public:
  WindowFold(Fold fold, std::int64_t window)
      : fold_(std::move(fold)), window_(window), tails_(static_cast<std::size_t>(window)) {}

  void run(const Block& block) noexcept override {
    std::int64_t place = block.first % window_;
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const std::ptrdiff_t anchor = i - static_cast<std::ptrdiff_t>(place);
      const auto term = fold_.term(block.in, i, anchor);
      if (place == 0) {
        fold_tails(block.in, anchor, window_ - 1);
        head_ = term;
      } else {
        head_ = fold_.join(head_, term);
      }
      const std::int64_t older = window_ - 1 - place;
      fold_.finish(block.in, i, anchor,
                   older == 0 ? head_ : fold_.join(tails_[static_cast<std::size_t>(older)], head_),
                   block.out);
      if (++place == window_) place = 0;
    }
  }

  void rebuild(const Block& past) noexcept override {
    const std::int64_t place = past.first % window_;  // rows of the current block that were seen
    if (place == 0) return;                           // the next row is a boundary and folds its own tails
    const auto anchor = -static_cast<std::ptrdiff_t>(place);
    fold_tails(past.in, anchor, window_ - 1 - place);
    head_ = fold_.term(past.in, anchor, anchor);
    for (std::ptrdiff_t i = anchor + 1; i < 0; ++i) head_ = fold_.join(head_, fold_.term(past.in, i, anchor));
  }

 private:
  // tails_[n]: the fold of the n rows before the anchor.
  void fold_tails(const double* const* in, std::ptrdiff_t anchor, std::int64_t count) noexcept {
    for (std::int64_t n = 1; n <= count; ++n) {
      const auto term = fold_.term(in, anchor - static_cast<std::ptrdiff_t>(n), anchor);
      const auto place = static_cast<std::size_t>(n);
      tails_[place] = n == 1 ? term : fold_.join(term, tails_[place - 1]);
    }
  }

  Fold fold_;
  std::int64_t window_;
  typename Fold::Value head_{};
  std::vector<typename Fold::Value> tails_;
};

// `name` and `params` must determine the fold, beside the window.
template <class Fold>
NodeRef window_fold(GraphBuilder& graph, std::string name, std::vector<NodeRef> inputs, std::int64_t window,
                    Fold fold, int outputs = 1, std::vector<double> params = {}) {
  params.push_back(static_cast<double>(window));
  return graph.add(
      {std::move(name), std::move(params), std::move(inputs)}, {.lag = window - 1},
      [fold, window] { return std::make_unique<WindowFold<Fold>>(fold, window); }, outputs);
}

}  // namespace sentio
