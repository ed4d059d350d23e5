// Any associative statistic of the last few rows, for many short windows over one series at once.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/fold.hpp"
#include "kernels/in_vectors.hpp"
#include "kernels/kernel.hpp"

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

 public:
  static constexpr std::ptrdiff_t kLongest = 128;

  // Of at most kLongest rows.
  void add(const Fold& fold, std::ptrdiff_t window, std::size_t first_output) {
    members_.push_back({fold, split(window), first_output});
    longest_ = std::max(longest_, window);
    next_ = longest_;
    for (Run& run : runs_) run.values.assign(kNumbers * static_cast<std::size_t>(stride()), 0.0);
  }

  // To be called within in_vectors.
  void run(const Block& block) noexcept {
    for (std::ptrdiff_t i = 0; i < block.size;) {
      if (next_ == stride()) make_room();
      const std::ptrdiff_t rows = std::min(block.size - i, stride() - next_);
      for (Run& run : runs_) fill(run, block.in, i, rows);
      for (const Member& member : members_) finish(member, block, i, rows);
      next_ += rows;
      i += rows;
    }
  }

  void rebuild(const Block& past) noexcept {
    for (Run& run : runs_) {
      const auto rows = std::min(longest_ - run.parts.rows(), static_cast<std::ptrdiff_t>(past.first));
      next_ = longest_ - rows;
      fill(run, past.in, -rows, rows);
    }
    next_ = longest_;
  }

 private:
  static constexpr std::ptrdiff_t kSegment = 64;

  // The two runs that one is made of. The newer one ends at the row at hand, the older one `lag` rows before.
  // All zero for a window of one row, which is made of none.
  struct Parts {
    std::size_t older, newer;  // in runs_, which has none of one row
    std::ptrdiff_t older_rows, newer_rows, lag;
    [[nodiscard]] std::ptrdiff_t rows() const noexcept { return older_rows + lag; }
  };
  struct Run {
    Parts parts;
    std::ptrdiff_t history = 0;    // rows that others look back
    std::vector<double> values{};  // number by number; the row at hand is at next_
  };
  struct Member {
    Fold fold;
    Parts parts;
    std::size_t first_output;
  };

  [[nodiscard]] std::ptrdiff_t stride() const noexcept { return longest_ + kSegment; }

  Parts split(std::ptrdiff_t rows) {
    const auto lowest = rows & -rows;
    Parts parts{};
    if (rows == 1) return parts;
    if (lowest == rows) {
      parts.older_rows = parts.newer_rows = rows / 2;
    } else if constexpr (requires { Fold::kOverlaps; }) {
      parts.older_rows = parts.newer_rows =
          static_cast<std::ptrdiff_t>(std::bit_floor(static_cast<std::size_t>(rows)));
    } else {
      // The lowest power of two is the newer part: 12 rows then serve 14, too.
      parts.older_rows = rows - lowest;
      parts.newer_rows = lowest;
    }
    parts.lag = rows - parts.older_rows;
    parts.older = run_of(parts.older_rows);
    parts.newer = run_of(parts.newer_rows);
    if (parts.older_rows > 1) {
      std::ptrdiff_t& history = runs_[parts.older].history;
      history = std::max(history, parts.lag);
    }
    return parts;
  }

  std::size_t run_of(std::ptrdiff_t rows) {
    if (rows == 1) return 0;
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      if (runs_[k].parts.rows() == rows) return k;
    }
    const Parts parts = split(rows);
    runs_.push_back({parts});
    return runs_.size() - 1;
  }

  void make_room() noexcept {
    for (Run& run : runs_) {
      for (std::size_t n = 0; n < kNumbers; ++n) {
        double* values = run.values.data() + n * static_cast<std::size_t>(stride());
        std::copy(values + next_ - run.history, values + next_, values + longest_ - run.history);
      }
    }
    next_ = longest_;
  }

  // The values of a run, from the row at hand on.
  std::array<double*, kNumbers> values_of(std::size_t k) noexcept {
    std::array<double*, kNumbers> values;
    for (std::size_t n = 0; n < kNumbers; ++n)
      values[n] = runs_[k].values.data() + n * static_cast<std::size_t>(stride()) + next_;
    return values;
  }

  // Calls use(k, value of both parts at row i + k) for each row.
  template <class Use>
  void join_parts(const Parts& parts, const double* const* in, std::ptrdiff_t i, std::ptrdiff_t rows,
                  const Use& use) noexcept {
    if (parts.rows() == 0) return use_rows(in, i, rows, use);
    if (parts.older_rows == 1) return join_parts_of<true, true>(parts, in, i, rows, use);
    if (parts.newer_rows == 1) return join_parts_of<false, true>(parts, in, i, rows, use);
    join_parts_of<false, false>(parts, in, i, rows, use);
  }

  template <class Use>
  void use_rows(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t rows, const Use& use) noexcept {
    const Fold fold = members_.front().fold;
    SENTIO_INDEPENDENT_ROWS
    for (std::ptrdiff_t k = 0; k < rows; ++k) use(k, fold.term(in, i + k, i + k));
  }

  template <bool older_is_row, bool newer_is_row, class Use>
  void join_parts_of(const Parts& parts, const double* const* in, std::ptrdiff_t i, std::ptrdiff_t rows,
                     const Use& use) noexcept {
    const Fold fold = members_.front().fold;
    const auto older_rows = static_cast<double>(parts.older_rows);
    const std::ptrdiff_t lag = parts.lag;
    std::array<double*, kNumbers> older{}, newer{};
    if constexpr (!older_is_row) older = values_of(parts.older);
    if constexpr (!newer_is_row) newer = values_of(parts.newer);
    const auto value = [](const std::array<double*, kNumbers>& values, std::ptrdiff_t k) {
      Numbers numbers;
      for (std::size_t n = 0; n < kNumbers; ++n) numbers[n] = values[n][k];
      return std::bit_cast<Value>(numbers);
    };
    const auto row = [&](std::ptrdiff_t k) {
      const std::ptrdiff_t to = i + k, from = to - lag;
      const Value before = older_is_row ? fold.term(in, from, from) : value(older, k - lag);
      const Value after = newer_is_row ? fold.term(in, to, to) : value(newer, k);
      use(k, joined(fold, fold.moved(before, older_rows, in, from, to), after));
    };
    if (rows == 1) return row(0);  // a bar that comes alone needs no vectors
    SENTIO_INDEPENDENT_ROWS
    for (std::ptrdiff_t k = 0; k < rows; ++k) row(k);
  }

  void fill(Run& run, const double* const* in, std::ptrdiff_t i, std::ptrdiff_t rows) noexcept {
    const auto values = values_of(static_cast<std::size_t>(&run - runs_.data()));
    join_parts(run.parts, in, i, rows, [values](std::ptrdiff_t k, const Value& all) {
      const auto numbers = std::bit_cast<Numbers>(all);
      for (std::size_t n = 0; n < kNumbers; ++n) values[n][k] = numbers[n];
    });
  }

  void finish(const Member& member, const Block& block, std::ptrdiff_t i, std::ptrdiff_t rows) noexcept {
    const Fold fold = member.fold;
    const double* const* in = block.in;
    double* const* out = block.out + member.first_output;
    join_parts(member.parts, in, i, rows, [fold, in, out, i](std::ptrdiff_t k, const Value& all) {
      fold.finish(in, i + k, i + k, all, out);
    });
  }

  std::vector<Run> runs_;  // each after those that it is made of
  std::vector<Member> members_;
  std::ptrdiff_t longest_ = 0;
  std::ptrdiff_t next_ = 0;
};

}  // namespace sentio
