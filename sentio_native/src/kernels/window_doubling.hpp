// Any associative statistic of the last few rows, for many short windows over one series at once.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "kernels/fold.hpp"
#include "kernels/in_vectors.hpp"
#include "kernels/kernel.hpp"
#include "kernels/run_joins.hpp"

namespace sentio {

// A run of two rows is two runs of one, a run of four is two of two, and so on; a window is made of few such
// runs, and what windows have in common is made once. All rows are made side by side: none waits for the one
// before it. Nothing is ever taken away, so nothing drifts, and what is kept here follows from the inputs'
// history alone, so there is no state to save.
// Each run is centred on its newest row.
template <class Fold>
class WindowDoubling {
  using Value = typename Fold::Value;
  using Numbers = NumbersOf<Fold>;
  static constexpr std::size_t kNumbers = std::tuple_size_v<Numbers>;
  static constexpr std::size_t kOutputs = kOutputsOf<Fold>;

 public:
  static constexpr std::ptrdiff_t kLongest = 128;

  // Of at most kLongest rows.
  void add(const Fold& fold, std::ptrdiff_t window, std::size_t first_output) {
    const Parts parts = split(window);
    members_.push_back({fold, parts, std::ssize(runs_), first_output});
    longest_ = std::max(longest_, window);
    next_ = begin_ = (longest_ + kLine - 1) / kLine * kLine;
    stride_ = (begin_ + kSegment) | kLine;  // an odd number of lines: no two of them in one set of the cache
    lines_.assign(1 + runs_.size() * kNumbers * static_cast<std::size_t>(stride_ / kLine), {});
    arrange_one();
  }

  [[nodiscard]] bool empty() const noexcept { return members_.empty(); }

  // To be called within in_vectors.
  void run(const Block& block) noexcept {
    for (std::ptrdiff_t i = 0; i < block.size;) {
      if (next_ == end()) make_room();
      const std::ptrdiff_t rows = std::min(block.size - i, end() - next_);
      run_rows(block, i, rows);
      next_ += rows;
      i += rows;
    }
  }

  // The same of one row.
  void run_one(const Block& block) noexcept {
    if (next_ == end()) make_room();
    in_vectors(static_cast<std::ptrdiff_t>(member_joins_.size()), [&] {
      fill_chain(block.in);
      fill_sums(block.in);
      finish_one(block);
    });
    ++next_;
  }

  void rebuild(const Block& past) noexcept {
    for (const Run& run : runs_) {
      const auto rows = std::min(longest_ - run.parts.rows(), static_cast<std::ptrdiff_t>(past.first));
      next_ = begin_ - rows;
      fill(run, past.in, -rows, rows);
    }
    next_ = begin_;
  }

 private:
  static constexpr std::ptrdiff_t kSegment = 256;
  static constexpr std::ptrdiff_t kLine = 8;  // numbers of a cache line

  // The two runs that one is made of. The newer one ends at the row at hand, the older one `lag` rows before.
  // A run of one row is made of none.
  struct Parts {
    std::size_t older = 0, newer = 0;  // in runs_
    std::ptrdiff_t older_rows = 0, lag = 1;
    [[nodiscard]] std::ptrdiff_t rows() const noexcept { return older_rows + lag; }
  };
  struct alignas(kLine * sizeof(double)) Line {
    double numbers[kLine];
  };
  struct Run {
    Parts parts;
    std::size_t place;           // in runs_
    std::ptrdiff_t history = 0;  // rows that others look back
  };
  struct Member {
    Fold fold;
    Parts parts;
    std::ptrdiff_t runs;  // it needs none of runs_ from here on
    std::size_t first_output;
  };

  [[nodiscard]] std::ptrdiff_t end() const noexcept { return begin_ + kSegment; }

  Parts split(std::ptrdiff_t rows) {
    const auto lowest = rows & -rows;
    if (rows == 1) return {};
    Parts parts;
    std::ptrdiff_t newer_rows = rows / 2;
    if (lowest == rows) {
      parts.older_rows = newer_rows;
    } else if constexpr (requires { Fold::kOverlaps; }) {
      parts.older_rows = newer_rows =
          static_cast<std::ptrdiff_t>(std::bit_floor(static_cast<std::size_t>(rows)));
    } else {
      // The lowest power of two is the newer part: 12 rows then serve 14, too.
      parts.older_rows = rows - lowest;
      newer_rows = lowest;
    }
    parts.lag = rows - parts.older_rows;
    parts.older = run_of(parts.older_rows);
    parts.newer = run_of(newer_rows);
    std::ptrdiff_t& history = runs_[parts.older].history;
    history = std::max(history, parts.lag);
    return parts;
  }

  std::size_t run_of(std::ptrdiff_t rows) {
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      if (runs_[k].parts.rows() == rows) return k;
    }
    const Parts parts = split(rows);
    runs_.push_back({parts, runs_.size()});
    return runs_.size() - 1;
  }

  // Sorts what is made of runs by what it waits for, see run_one.
  void arrange_one() {
    chain_.clear();
    sums_.clear();
    joined_.clear();
    sum_joins_ = member_joins_ = {};
    const auto add = [&](RunJoins<Fold>& joins, const Fold& fold, const Parts& parts) {
      joins.add(fold, begin_of(parts.older), begin_of(parts.newer), parts.lag, parts.older_rows);
    };
    for (const Run& run : runs_) {
      if (std::has_single_bit(static_cast<std::size_t>(run.parts.rows()))) {
        chain_.push_back(begin_of(run.place));
      } else {
        sums_.push_back(begin_of(run.place));
        add(sum_joins_, members_.front().fold, run.parts);
      }
    }
    for (const Member& member : members_) {
      if (member.parts.rows() == 1) continue;
      joined_.push_back(member.first_output);
      add(member_joins_, member.fold, member.parts);
    }
    made_.resize(std::max(kNumbers * sums_.size(), kOutputs * joined_.size()));
  }

  void make_room() noexcept {
    for (const Run& run : runs_) {
      for (double* values : values_of(run.place))
        std::copy(values - run.history, values, values - kSegment - run.history);
    }
    next_ = begin_;
  }

  // Each window as soon as the runs are there that it is made of, and in one loop with the run that is made
  // next: its sums take the time in which the window's division or root is waited for.
  void run_rows(const Block& block, std::ptrdiff_t i, std::ptrdiff_t rows) noexcept {
    auto run = runs_.begin();
    for (const Member& member : members_) {
      while (run - runs_.begin() < member.runs) fill(*run++, block.in, i, rows);
      if (member.parts.rows() == 1) {
        for_rows(rows, finishing(member, block, i, row_of(block.in, i)));
      } else if (run == runs_.end()) {
        for_rows(rows, finishing(member, block, i, both(member.parts, block.in, i)));
      } else {
        const auto finish = finishing(member, block, i, both(member.parts, block.in, i));
        const auto fill_next = filling(*run, both(run->parts, block.in, i));
        for_rows(rows, [=](std::ptrdiff_t k) {
          finish(k);
          fill_next(k);
        });
        ++run;
      }
    }
  }

  // Runs of one, two, four, ... rows: each waits for the one before.
  void fill_chain(const double* const* in) noexcept {
    if (chain_.empty()) return;
    const Fold fold = members_.front().fold;
    Value newest = fold.term(in, 0, 0);
    std::ptrdiff_t rows = 1;
    for (auto run = chain_.begin();; rows *= 2) {
      double* const values = runs_at_hand() + *run;
      const auto numbers = std::bit_cast<Numbers>(newest);
      Numbers older;
      for (std::size_t n = 0; n < kNumbers; ++n) {
        double* const value = values + static_cast<std::ptrdiff_t>(n) * stride_;
        *value = numbers[n];
        older[n] = value[-rows];
      }
      if (++run == chain_.end()) return;
      newest = joined(fold, fold.moved(std::bit_cast<Value>(older), static_cast<double>(rows), in, -rows, 0),
                      newest);
    }
  }

  // The other runs: they wait for these, and for earlier rows of each other.
  void fill_sums(const double* const* in) noexcept {
    const std::size_t count = sums_.size();
    double* const made = made_.data();
    sum_joins_.for_each(in, runs_at_hand(), stride_,
                        [=](std::size_t k, const Fold&, const double* const*, const Value& all) {
                          const auto numbers = std::bit_cast<Numbers>(all);
                          for (std::size_t n = 0; n < kNumbers; ++n) made[n * count + k] = numbers[n];
                        });
    for (std::size_t k = 0; k < count; ++k) {
      double* value = runs_at_hand() + sums_[k];
      for (std::size_t n = 0; n < kNumbers; ++n, value += stride_) *value = made[n * count + k];
    }
  }

  void finish_one(const Block& block) noexcept {
    const std::size_t count = joined_.size();
    const bool in_place = block.in_row && kOutputs == 1 && count > 0 && joined_.back() + 1 == count;
    double* const made = in_place ? block.out[0] : made_.data();
    member_joins_.for_each(block.in, runs_at_hand(), stride_,
                           [=](std::size_t k, const Fold& fold, const double* const* in, const Value& all) {
                             std::array<double*, kOutputs> out;
                             for (std::size_t o = 0; o < kOutputs; ++o) out[o] = made + o * count + k;
                             fold.finish(in, 0, 0, all, out.data());
                           });
    for (std::size_t k = 0; k < count && !in_place; ++k) {
      for (std::size_t o = 0; o < kOutputs; ++o) *block.out[joined_[k] + o] = made[o * count + k];
    }
    for (const Member& member : members_) {
      if (member.parts.rows() == 1) finishing(member, block, 0, row_of(block.in, 0))(0);
    }
  }

  void fill(const Run& run, const double* const* in, std::ptrdiff_t i, std::ptrdiff_t rows) noexcept {
    if (run.parts.rows() == 1) return for_rows(rows, filling(run, row_of(in, i)));
    for_rows(rows, filling(run, both(run.parts, in, i)));
  }

  template <class Row>
  static void for_rows(std::ptrdiff_t rows, const Row& row) noexcept {
    SENTIO_INDEPENDENT_ROWS
    for (std::ptrdiff_t k = 0; k < rows; ++k) row(k);
  }

  // Where a run's first number begins; its others follow, each stride_ behind the one before.
  [[nodiscard]] std::ptrdiff_t begin_of(std::size_t run) const noexcept {
    return static_cast<std::ptrdiff_t>(run * kNumbers) * stride_;
  }
  double* runs_at_hand() noexcept { return lines_.data()->numbers + next_; }
  // The values of a run, from the row at hand on.
  std::array<double*, kNumbers> values_of(std::size_t run) noexcept {
    std::array<double*, kNumbers> values;
    for (std::size_t n = 0; n < kNumbers; ++n) {
      values[n] = runs_at_hand() + begin_of(run) + static_cast<std::ptrdiff_t>(n) * stride_;
    }
    return values;
  }

  // What is called with k, for row i + k: `all` gives the value of a run there.
  template <class All>
  auto filling(const Run& run, All all) noexcept {
    return [all, values = values_of(run.place)](std::ptrdiff_t k) {
      const auto numbers = std::bit_cast<Numbers>(all(k));
      for (std::size_t n = 0; n < kNumbers; ++n) values[n][k] = numbers[n];
    };
  }
  template <class All>
  static auto finishing(const Member& member, const Block& block, std::ptrdiff_t i, All all) noexcept {
    return [all, fold = member.fold, in = block.in, out = block.out + member.first_output,
            i](std::ptrdiff_t k) { fold.finish(in, i + k, i + k, all(k), out); };
  }

  auto row_of(const double* const* in, std::ptrdiff_t i) const noexcept {
    return [fold = members_.front().fold, in, i](std::ptrdiff_t k) { return fold.term(in, i + k, i + k); };
  }
  auto both(const Parts& parts, const double* const* in, std::ptrdiff_t i) noexcept {
    return [fold = members_.front().fold, in, i, lag = parts.lag,
            older_rows = static_cast<double>(parts.older_rows), older = values_of(parts.older),
            newer = values_of(parts.newer)](std::ptrdiff_t k) {
      const auto value = [](const std::array<double*, kNumbers>& values, std::ptrdiff_t at) {
        Numbers numbers;
        for (std::size_t n = 0; n < kNumbers; ++n) numbers[n] = values[n][at];
        return std::bit_cast<Value>(numbers);
      };
      const std::ptrdiff_t to = i + k, from = to - lag;
      return joined(fold, fold.moved(value(older, k - lag), older_rows, in, from, to), value(newer, k));
    };
  }

  std::vector<Run> runs_;  // each after those that it is made of
  std::vector<Member> members_;
  std::ptrdiff_t longest_ = 0;
  std::ptrdiff_t begin_ =
      0;                     // where a segment begins, behind what its runs look back upon: where a line does
  std::ptrdiff_t next_ = 0;  // the row at hand
  std::ptrdiff_t stride_ = 0;  // of the numbers of a run, and of the runs
  std::vector<Line> lines_;

  // Of a row that comes alone: where the runs of powers of two begin, and where the others do; the first
  // outputs of windows that are made of runs; what the latter two are made of.
  std::vector<std::ptrdiff_t> chain_, sums_;
  std::vector<std::size_t> joined_;
  RunJoins<Fold> sum_joins_, member_joins_;
  std::vector<double> made_;
};

}  // namespace sentio
