// Any associative statistic of the last `window` rows, in amortised O(1) a row, without drift.
#pragma once

#include <algorithm>
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
    auto place = static_cast<std::ptrdiff_t>(block.first % window_);
    for (std::ptrdiff_t i = 0; i < block.size;) {
      const std::ptrdiff_t rows =
          std::min({block.size - i, static_cast<std::ptrdiff_t>(window_) - place, kSegment});
      run_segment(block, i, place, rows);
      i += rows;
      place = place + rows == window_ ? 0 : place + rows;
    }
  }

  void rebuild(const Block& past) noexcept override {
    const auto place =
        static_cast<std::ptrdiff_t>(past.first % window_);  // rows of the current block that were seen
    if (place == 0) return;  // the next row is a boundary and folds its own tails
    fold_tails(past.in, -place, place);
    head_ = fold_.term(past.in, -place, -place);
    for (std::ptrdiff_t i = 1 - place; i < 0; ++i) head_ = fold_.join(head_, fold_.term(past.in, i, -place));
  }

 private:
  using Value = typename Fold::Value;
  static constexpr std::ptrdiff_t kSegment = 64;

  // Rows [i, i + rows) of one block, the first of them at `place` in it.
  void run_segment(const Block& block, std::ptrdiff_t i, std::ptrdiff_t place, std::ptrdiff_t rows) noexcept {
    const std::ptrdiff_t anchor = i - place;
    const double* const* in = block.in;
    if (place == 0) fold_tails(in, anchor, 0);
    Value heads[kSegment];
    for (std::ptrdiff_t k = 0; k < rows; ++k) {
      const Value term = fold_.term(in, i + k, anchor);
      head_ = place + k == 0 ? term : fold_.join(head_, term);
      heads[k] = head_;
    }
    // Two loops, since the first is a chain and this one is not: it runs in vectors where the fold allows it.
    const bool full = place + rows == window_;  // the block's last row stands without a tail
    const Value* tails = tails_.data() + place;
    const Fold fold = fold_;
    double* const* out = block.out;
    for (std::ptrdiff_t k = 0; k < rows - (full ? 1 : 0); ++k) {
      fold.finish(in, i + k, anchor, fold.join(tails[k], heads[k]), out);
    }
    if (full) fold.finish(in, i + rows - 1, anchor, heads[rows - 1], out);
  }

  // tails_[p], for p from `place` on: the fold of the rows before the anchor that the window at place p
  // reaches.
  void fold_tails(const double* const* in, std::ptrdiff_t anchor, std::ptrdiff_t place) noexcept {
    Value tail{};
    for (std::ptrdiff_t p = static_cast<std::ptrdiff_t>(window_) - 2; p >= place; --p) {
      const std::ptrdiff_t row = anchor - (static_cast<std::ptrdiff_t>(window_) - 1 - p);
      const Value term = fold_.term(in, row, anchor);
      tail = row == anchor - 1 ? term : fold_.join(term, tail);
      tails_[static_cast<std::size_t>(p)] = tail;
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
