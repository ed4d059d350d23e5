// The memory of a node's output.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <vector>

#include "kernels/kernel.hpp"

namespace sentio {

inline const double kNaN = std::bit_cast<double>(std::uint64_t{0x7FF8000000000000});

// Memory that begins with a cache line, so that no vector of a column crosses lines.
template <class Value>
struct LineAllocator {
  using value_type = Value;
  static constexpr std::size_t kBytes = 64;

  Value* allocate(std::size_t count) {
    return static_cast<Value*>(::operator new(count * sizeof(Value), std::align_val_t{kBytes}));
  }
  void deallocate(Value* memory, std::size_t) noexcept {
    ::operator delete(memory, std::align_val_t{kBytes});
  }
  bool operator==(const LineAllocator&) const noexcept { return true; }
};

// A column of doubles with the history that its readers look back upon, contiguous with the current block.
// One that nobody looks back upon begins each block at the same place.
class Column {
 public:
  explicit Column(std::int64_t history)
      : history_(history),
        first_((history + kLine - 1) / kLine * kLine),
        values_(static_cast<std::size_t>(first_ + std::max(history, kBlock)), kNaN),
        next_(first_) {}

  [[nodiscard]] double* next() noexcept { return values_.data() + next_; }
  // How many rows fit until the history must be moved.
  [[nodiscard]] std::int64_t room() const noexcept {
    return static_cast<std::int64_t>(values_.size()) - next_;
  }
  [[nodiscard]] bool moves() const noexcept { return history_ > 0; }
  void advance(std::int64_t rows) noexcept {
    if (moves()) next_ += rows;
  }
  // Makes room for a block.
  void make_room() noexcept {
    std::memmove(values_.data() + first_ - history_, next() - history_,
                 static_cast<std::size_t>(history_) * sizeof(double));
    next_ = first_;
  }

  [[nodiscard]] std::int64_t history() const noexcept { return history_; }
  // The newest `count` values, `untold` rows after the last that it was advanced to.
  [[nodiscard]] std::span<double> newest(std::int64_t count, std::int64_t untold) noexcept {
    return {next() + (moves() ? untold : 0) - count, static_cast<std::size_t>(count)};
  }

 private:
  static constexpr std::int64_t kLine = LineAllocator<double>::kBytes / sizeof(double);

  std::int64_t history_;
  std::int64_t first_;  // where a block begins, with room for the history before it
  std::vector<double, LineAllocator<double>> values_;
  std::int64_t next_;
};

}  // namespace sentio
