// The values of a window in order, for windows too long to be kept as a sorted array.
#pragma once

#include <cstdint>
#include <vector>

namespace sentio {

// How many values of a window lie below one, and how many equal it.
struct Standing {
  std::int64_t below, equal;
};

// A treap (Seidel and Aragon 1996): a search tree by value, whose shape follows from the values and from one
// random priority for each slot of the window. Whatever way the window came about, equal windows are equal
// trees, so that sums over them have the same bits after a rebuild. Each change takes O(log window).
class WindowTree {
 public:
  explicit WindowTree(std::int64_t window);

  // The window that ends at `newest`, the value of `row`. Of it `known` values can be read; a 0 stands for an
  // older one.
  void fill(const double* newest, std::int64_t row, std::int64_t known) noexcept;
  // The value of `row` for that of `row - window`.
  void replace(std::int64_t row, double value) noexcept;

  [[nodiscard]] double nth(std::int64_t place) const noexcept;  // 0: the smallest
  [[nodiscard]] Standing standing(double value) const noexcept;
  // x - mean, and the mean of |x - mean| over the window.
  [[nodiscard]] double above_mean(double value) const noexcept;
  [[nodiscard]] double mean_absolute_deviation() const noexcept;

 private:
  static constexpr std::int32_t kNone = -1;
  struct Node {
    double value;
    double offsets;  // sum of x - value over the subtree: local, so that a large level costs no digits
    std::int32_t left, right, count;
    std::uint32_t priority;
  };

  [[nodiscard]] Node& node(std::int32_t n) noexcept { return nodes_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] const Node& node(std::int32_t n) const noexcept {
    return nodes_[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] std::int32_t count(std::int32_t n) const noexcept { return n == kNone ? 0 : node(n).count; }
  [[nodiscard]] bool before(std::int32_t a, std::int32_t b) const noexcept;
  void sum_up(std::int32_t tree) noexcept;
  [[nodiscard]] std::int32_t insert(std::int32_t tree, std::int32_t fresh) noexcept;
  [[nodiscard]] std::int32_t erase(std::int32_t tree, std::int32_t gone) noexcept;
  [[nodiscard]] std::int32_t merge(std::int32_t left, std::int32_t right) noexcept;
  void split(std::int32_t tree, std::int32_t by, std::int32_t& left, std::int32_t& right) noexcept;
  void put(std::int32_t slot, double value) noexcept;

  std::vector<Node> nodes_;  // by slot, which is the row modulo the window
  std::int32_t root_ = kNone;
};

}  // namespace sentio
