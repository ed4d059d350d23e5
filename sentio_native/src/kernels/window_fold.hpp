// Any associative statistic of the last `window` rows, in O(1) a row, without drift.
#pragma once

#include <algorithm>
#include <any>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "kernels/fold.hpp"
#include "kernels/in_vectors.hpp"
#include "kernels/window_doubling.hpp"

namespace sentio {

// Two, since this is inlined where the compiler has already cut longer vectors for a baseline processor.
using Double2 = double __attribute__((vector_size(16)));

// Running sums, in place and in groups of four rows: within one, each to the one before it, then each pair to
// the pair before; and then the sum of all whole groups before. A last group is filled up with zeros: up to
// three numbers beyond the rows are overwritten.

// Of each series, values[k] becomes start + values[0] + ... + values[k], and start the sum after the last
// whole group.
template <std::size_t series>
inline void running_sums(const std::array<double*, series>& values, std::ptrdiff_t rows,
                         std::array<double, series>& start) noexcept {
  constexpr Double2 kZero{};
  Double2 before[series], whole[series];
  for (std::size_t n = 0; n < series; ++n) {
    for (std::ptrdiff_t k = 0; k < 3; ++k) values[n][rows + k] = 0.0;
    before[n] = whole[n] = Double2{start[n], start[n]};
  }
  for (std::ptrdiff_t k = 0; k < rows; k += 4) {
    for (std::size_t n = 0; n < series; ++n) {
      Double2 first, second;
      std::memcpy(&first, values[n] + k, sizeof first);
      std::memcpy(&second, values[n] + k + 2, sizeof second);
      const Double2 middle = __builtin_shufflevector(first, second, 1, 2);
      const Double2 pair = first + __builtin_shufflevector(kZero, first, 0, 2);
      const Double2 four = (second + middle) + pair;
      first = before[n] + pair;
      second = before[n] + four;
      std::memcpy(values[n] + k, &first, sizeof first);
      std::memcpy(values[n] + k + 2, &second, sizeof second);
      whole[n] = before[n];
      before[n] += __builtin_shufflevector(four, four, 1, 1);
    }
  }
  for (std::size_t n = 0; n < series; ++n) start[n] = rows % 4 == 0 ? before[n][0] : whole[n][0];
}

// Of each series, end[-k] becomes end[-1] + ... + end[-k], for k up to `rows`.
template <std::size_t series>
inline void running_sums_back(const std::array<double*, series>& ends, std::ptrdiff_t rows) noexcept {
  constexpr Double2 kZero{};
  Double2 before[series] = {};
  for (double* end : ends) {
    for (std::ptrdiff_t k = 1; k <= 3; ++k) end[-rows - k] = 0.0;
  }
  for (std::ptrdiff_t k = 0; k < rows; k += 4) {
    for (std::size_t n = 0; n < series; ++n) {
      double* end = ends[n] - k;
      Double2 first, second;
      std::memcpy(&first, end - 2, sizeof first);
      std::memcpy(&second, end - 4, sizeof second);
      const Double2 middle = __builtin_shufflevector(second, first, 1, 2);
      const Double2 pair = first + __builtin_shufflevector(first, kZero, 1, 2);
      const Double2 four = (second + middle) + pair;
      first = before[n] + pair;
      second = before[n] + four;
      std::memcpy(end - 2, &first, sizeof first);
      std::memcpy(end - 4, &second, sizeof second);
      before[n] += __builtin_shufflevector(four, four, 0, 0);
    }
  }
}

// Rows are cut into blocks at boundaries fixed by the absolute row, so short that a window holds at least one
// boundary. A window is then a tail, the rows before its last boundary, and a head, those from it on. Both
// are folded once: the heads as the rows come, the tails backwards from the boundary when it is passed (van
// Herk 1992; Gil and Werman 1993). Nothing is ever taken away, so nothing drifts, and what is cached here
// follows from the inputs' history alone, so there is no state to save. Windows of like length, between one
// power of two and the next, have blocks, heads and tails in common.
template <class Fold>
class WindowFold final : public Kernel {
  using Value = typename Fold::Value;
  using Numbers = NumbersOf<Fold>;
  static constexpr std::size_t kNumbers = std::tuple_size_v<Numbers>;
  static constexpr bool kSums = kAdds<Fold>;
  static_assert(sizeof(Value) == sizeof(Numbers));

 public:
  explicit WindowFold(std::span<const Lane> lanes) {
    for (std::size_t k = 0; k < lanes.size(); ++k) {
      const auto window = static_cast<std::ptrdiff_t>(lanes[k].params[0]);
      const Fold fold = *std::any_cast<Fold>(lanes[k].formula);
      if (window <= WindowDoubling<Fold>::kLongest) {
        short_.add(fold, window, k * kOutputsOf<Fold>);
      } else {
        blocks_of(window - 1).add({fold, window, k * kOutputsOf<Fold>});
      }
    }
  }

  void run(const Block& block) noexcept override {
    if (block.size == 1) return run_one(block);
    in_vectors(block.size, [&] { run_rows(block); });
  }

  void rebuild(const Block& past) noexcept override {
    short_.rebuild(past);
    for (Blocks& blocks : blocks_) {
      const auto place = static_cast<std::ptrdiff_t>(past.first) & (blocks.length - 1);
      if (place == 0) continue;  // the next row is a boundary and folds its own tails
      blocks.begin(past.in, -place, place);
      for (std::ptrdiff_t i = -place; i < 0; i += kSegment) {
        Heads heads;
        blocks.fold_heads(past.in, i, place + i, std::min(kSegment, -i), heads);
      }
    }
  }

 private:
  static constexpr std::ptrdiff_t kSegment = 64;
  static constexpr std::ptrdiff_t kGroup = 4;  // see running_sums
  struct Heads {
    double of[kNumbers][kSegment + 2 * kGroup];
  };

  void run_rows(const Block& block) noexcept {
    short_.run(block);
    for (Blocks& blocks : blocks_) {
      auto place = static_cast<std::ptrdiff_t>(block.first) & (blocks.length - 1);
      for (std::ptrdiff_t i = 0; i < block.size;) {
        const std::ptrdiff_t rows = std::min({block.size - i, blocks.length - place, kSegment});
        if (place == 0) blocks.begin(block.in, i);
        run_segment(blocks, block, i, place, rows);
        i += rows;
        place = (place + rows) & (blocks.length - 1);
      }
    }
  }

  [[gnu::noinline]] void run_one(const Block& block) noexcept {
    if (!short_.empty()) short_.run_one(block);
    for (Blocks& blocks : blocks_) {
      const auto place = static_cast<std::ptrdiff_t>(block.first) & (blocks.length - 1);
      if (place == 0) blocks.begin(block.in, 0);
      run_row(blocks, block, place);
    }
  }

  // One window of the node's.
  struct Member {
    Fold fold;
    std::ptrdiff_t window;
    std::size_t first_output;
  };

  static Value value_at(const double (*heads)[kSegment + 2 * kGroup], std::ptrdiff_t k) noexcept {
    Numbers numbers;
    for (std::size_t n = 0; n < kNumbers; ++n) numbers[n] = heads[n][k];
    return std::bit_cast<Value>(numbers);
  }

  // The windows longer than `length` rows and at most twice as long, and what they have in common.
  struct Blocks {
    std::ptrdiff_t length;  // a power of two
    std::ptrdiff_t longest = 0;
    std::vector<Member> members{};
    std::vector<double> tails{};  // number by number, each `stride` long; tail of n rows at tail_end()[-n]
    Numbers head{};               // of the rows so far; of sums, up to the last whole group

    void add(const Member& member) {
      members.push_back(member);
      longest = std::max(longest, member.window);
      tails.resize(kNumbers * static_cast<std::size_t>(stride()));
    }
    [[nodiscard]] std::ptrdiff_t stride() const noexcept { return longest - 1 + kGroup; }
    [[nodiscard]] double* tail_end(std::size_t number) noexcept {
      return tails.data() + static_cast<std::ptrdiff_t>(number + 1) * stride();
    }

    // A new block: the tails that its rows from `place` on need.
    void begin(const double* const* in, std::ptrdiff_t anchor, std::ptrdiff_t place = 0) noexcept {
      const Fold fold = members.front().fold;
      const std::ptrdiff_t needed = longest - 1 - place;
      std::array<double*, kNumbers> ends;
      for (std::size_t n = 0; n < kNumbers; ++n) ends[n] = tail_end(n);
      if constexpr (kSums) {
        SENTIO_INDEPENDENT_ROWS
        for (std::ptrdiff_t k = -needed; k < 0; ++k) {
          const auto numbers = std::bit_cast<Numbers>(fold.term(in, anchor + k, anchor));
          for (std::size_t n = 0; n < kNumbers; ++n) ends[n][k] = numbers[n];
        }
        running_sums_back(ends, needed);
      } else {
        Value tail = fold.term(in, anchor - 1, anchor);
        for (std::ptrdiff_t k = -1; k >= -needed; --k) {
          if (k < -1) tail = fold.join(fold.term(in, anchor + k, anchor), tail);
          const auto numbers = std::bit_cast<Numbers>(tail);
          for (std::size_t n = 0; n < kNumbers; ++n) ends[n][k] = numbers[n];
        }
      }
      head = {};
    }

    // Rows [i, i + rows) of one block, the first of them at `place` in it; returns where they begin in
    // `heads`.
    std::ptrdiff_t fold_heads(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t place,
                              std::ptrdiff_t rows, Heads& heads) noexcept {
      const Fold fold = members.front().fold;
      // Sums are taken in groups: one that was begun before is taken again, from its first row on.
      const std::ptrdiff_t again = kSums ? place % kGroup : 0;
      fold_rows(fold, in, i - place, i - again, rows + again, place == 0, head, heads);
      return again;
    }

    // The same of one row, without loops over rows.
    Numbers fold_head(const double* const* in, std::ptrdiff_t place) noexcept {
      const Fold fold = members.front().fold;
      if constexpr (kSums) {
        const std::ptrdiff_t again = place % kGroup;
        double sums[kNumbers][2 * kGroup];
        std::array<double*, kNumbers> values;
        for (std::size_t n = 0; n < kNumbers; ++n) values[n] = sums[n];
        for (std::ptrdiff_t k = 0; k <= again; ++k) {
          const auto numbers = std::bit_cast<Numbers>(fold.term(in, k - again, -place));
          for (std::size_t n = 0; n < kNumbers; ++n) sums[n][k] = numbers[n];
        }
        running_sums(values, again + 1, head);
        Numbers found;
        for (std::size_t n = 0; n < kNumbers; ++n) found[n] = sums[n][again];
        return found;
      } else {
        const Value term = fold.term(in, 0, -place);
        head = std::bit_cast<Numbers>(place == 0 ? term : fold.join(std::bit_cast<Value>(head), term));
        return head;
      }
    }

    // folded[k]: the fold of `all`, unless it is the first, and of the rows from the first to first + k.
    static void fold_rows(const Fold& fold, const double* const* in, std::ptrdiff_t anchor,
                          std::ptrdiff_t first, std::ptrdiff_t rows, bool is_first, Numbers& all,
                          Heads& folded) noexcept {
      if constexpr (kSums) {
        SENTIO_INDEPENDENT_ROWS
        for (std::ptrdiff_t k = 0; k < rows; ++k) {
          const auto numbers = std::bit_cast<Numbers>(fold.term(in, first + k, anchor));
          for (std::size_t n = 0; n < kNumbers; ++n) folded.of[n][k] = numbers[n];
        }
        std::array<double*, kNumbers> values;
        for (std::size_t n = 0; n < kNumbers; ++n) values[n] = folded.of[n];
        running_sums(values, rows, all);
      } else {
        auto value = std::bit_cast<Value>(all);
        for (std::ptrdiff_t k = 0; k < rows; ++k) {
          const Value term = fold.term(in, first + k, anchor);
          value = k == 0 && is_first ? term : fold.join(value, term);
          const auto numbers = std::bit_cast<Numbers>(value);
          for (std::size_t n = 0; n < kNumbers; ++n) folded.of[n][k] = numbers[n];
        }
        all = std::bit_cast<Numbers>(value);
      }
    }
  };

  // Those of windows of `below` + 1 rows.
  Blocks& blocks_of(std::ptrdiff_t below) {
    const auto length = static_cast<std::ptrdiff_t>(std::bit_floor(static_cast<std::size_t>(below)));
    for (Blocks& blocks : blocks_) {
      if (blocks.length == length) return blocks;
    }
    blocks_.push_back({.length = length});
    return blocks_.back();
  }

  void run_segment(Blocks& blocks, const Block& block, std::ptrdiff_t i, std::ptrdiff_t place,
                   std::ptrdiff_t rows) noexcept {
    Heads heads;
    const std::ptrdiff_t begin = blocks.fold_heads(block.in, i, place, rows, heads);
    for (const Member& member : blocks.members) {
      const Fold fold = member.fold;
      const double* const* in = block.in;
      double* const* out = block.out + member.first_output;
      const std::ptrdiff_t anchor = i - place, stride = blocks.stride();
      const double* tails = blocks.tail_end(0) - (member.window - 1 - place);
      SENTIO_INDEPENDENT_ROWS
      for (std::ptrdiff_t k = 0; k < rows; ++k) {
        Numbers tail;
        for (std::size_t n = 0; n < kNumbers; ++n)
          tail[n] = tails[static_cast<std::ptrdiff_t>(n) * stride + k];
        const Value all = joined(fold, std::bit_cast<Value>(tail), value_at(heads.of, begin + k));
        fold.finish(in, i + k, anchor, all, out);
      }
    }
  }

  // The same of one row, without loops over rows.
  void run_row(Blocks& blocks, const Block& block, std::ptrdiff_t place) noexcept {
    const auto head = std::bit_cast<Value>(blocks.fold_head(block.in, place));
    for (const Member& member : blocks.members) {
      Numbers tail;
      for (std::size_t n = 0; n < kNumbers; ++n) tail[n] = blocks.tail_end(n)[place + 1 - member.window];
      const Value all = joined(member.fold, std::bit_cast<Value>(tail), head);
      member.fold.finish(block.in, 0, -place, all, block.out + member.first_output);
    }
  }

  WindowDoubling<Fold> short_;
  std::vector<Blocks> blocks_;
};

// `name` must determine the fold, beside the window.
template <class Fold>
NodeRef window_fold(GraphBuilder& graph, std::string name, std::vector<NodeRef> inputs, std::int64_t window,
                    Fold fold) {
  KernelMaker maker = [](std::span<const Lane> lanes) { return std::make_unique<WindowFold<Fold>>(lanes); };
  maker.formula = fold;
  // It runs from the inputs' first valid row on: where blocks begin must not depend on the window.
  return graph.add({std::move(name), {static_cast<double>(window)}, std::move(inputs)},
                   {.mask = window - 1, .settle = window - 1, .history = window - 1}, std::move(maker),
                   static_cast<int>(kOutputsOf<Fold>));
}

}  // namespace sentio
