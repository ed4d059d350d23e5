// Statistics of a window in order. Nothing here is state: the order is made again from the inputs' history.
#include "kernels/order_statistics.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "kernels/in_vectors.hpp"
#include "kernels/series.hpp"
#include "kernels/window_tree.hpp"

namespace sentio {
namespace {

// Up to here it is quicker to pass over a window than to walk a tree.
constexpr std::int64_t kShort = 512;

// A short window: an array in order, between minus and plus infinity.
class SortedWindow {
 public:
  explicit SortedWindow(std::int64_t window)
      : window_(window),
        groups_((window + kGroup - 1) / kGroup),
        sorted_(static_cast<std::size_t>(kGroup * groups_ + 2), kInfinity),
        next_(sorted_) {
    sorted_[0] = next_[0] = -kInfinity;
  }

  // The window that ends at `newest`. Adding 0 leaves one zero alone: equal values must be equal bits.
  void fill(const double* newest, std::int64_t) noexcept {
    for (std::int64_t age = 0; age < window_; ++age)
      sorted_[static_cast<std::size_t>(window_ - age)] = newest[-age] + 0.0;
    std::sort(sorted_.begin() + 1, sorted_.begin() + 1 + window_);
  }

  // One pass that no value makes branch: what is left of the array when the first of those equal to `gone` is
  // taken out, into which `fresh` goes as the middle one of itself and two neighbours.
  void replace(const double* newest, std::int64_t) noexcept {
    const double gone = newest[-window_] + 0.0, fresh = newest[0] + 0.0;
    const double* from = sorted_.data() + 1;
    double* to = next_.data() + 1;
    const std::ptrdiff_t groups = groups_;
    SENTIO_INDEPENDENT_ROWS
    for (std::ptrdiff_t k = 0; k < kGroup * groups; ++k) {
      const double before = from[k - 1] < gone ? from[k - 1] : from[k];
      const double at = from[k] < gone ? from[k] : from[k + 1];
      to[k] = larger(before, smaller(at, fresh));
    }
    std::swap(sorted_, next_);
  }

  [[nodiscard]] double nth(std::int64_t place) const noexcept {
    return sorted_[static_cast<std::size_t>(place + 1)];
  }

  [[nodiscard]] Standing standing(double value) const noexcept {
    const double* from = sorted_.data() + 1;
    std::int64_t below = 0, equal = 0;
    for (std::ptrdiff_t k = 0; k < kGroup * groups_; ++k) {
      below += from[k] < value ? 1 : 0;
      equal += from[k] == value ? 1 : 0;
    }
    return {below, equal};
  }

 private:
  static constexpr std::ptrdiff_t kGroup = 4;  // whole vectors: no rest to do value by value
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  std::ptrdiff_t window_, groups_;
  std::vector<double> sorted_, next_;
};

enum class Statistic : std::uint8_t { rank, share_below, at_place };

// Statistics of one series in several windows: lanes of one window read one order of it, and windows take
// their turns row by row, so that none waits for what it has just written.
template <class Order>
class OrderStatistics final : public Kernel {
 public:
  explicit OrderStatistics(std::span<const Lane> lanes) {
    for (std::size_t k = 0; k < lanes.size(); ++k) {
      const double window = lanes[k].params[0], place = lanes[k].params[2];
      const auto lower = static_cast<std::int64_t>(place);
      const std::int64_t upper = std::min(lower + 1, static_cast<std::int64_t>(window) - 1);
      of_window(static_cast<std::int64_t>(window))
          .wanted.push_back({static_cast<Statistic>(lanes[k].params[1]), lower, upper,
                             place - static_cast<double>(lower), k});
    }
  }

  void run(const Block& block) noexcept override {
    in_vectors(kShort, [&] {
      for (std::ptrdiff_t i = 0; i < block.size; ++i) {
        for (Windowed& windowed : windows_) run_row(windowed, block, i);
      }
    });
  }

  void rebuild(const Block& past) noexcept override {
    for (Windowed& windowed : windows_) {
      if (past.first >= windowed.window) windowed.order.fill(past.in[0] - 1, past.first - 1);
    }
  }

 private:
  struct Wanted {
    Statistic statistic;
    std::int64_t lower, upper;  // the places on both sides
    double above;               // how far above the lower one
    std::size_t lane;
  };
  struct Windowed {
    std::int64_t window;
    Order order;
    std::vector<Wanted> wanted;
  };

  Windowed& of_window(std::int64_t window) {
    for (Windowed& windowed : windows_) {
      if (windowed.window == window) return windowed;
    }
    return windows_.emplace_back(Windowed{window, Order(window), {}});
  }

  static void run_row(Windowed& windowed, const Block& block, std::ptrdiff_t i) noexcept {
    const std::int64_t row = block.first + i;
    if (row < windowed.window - 1) return;  // not full yet
    const double* newest = block.in[0] + i;
    if (row == windowed.window - 1) {
      windowed.order.fill(newest, row);
    } else {
      windowed.order.replace(newest, row);
    }
    for (const Wanted& wanted : windowed.wanted) {
      block.out[wanted.lane][i] = value_of(windowed, wanted, *newest);
    }
  }

  static double value_of(const Windowed& windowed, const Wanted& wanted, double newest) noexcept {
    const auto window = static_cast<double>(windowed.window);
    if (wanted.statistic == Statistic::at_place) {
      const double lower = windowed.order.nth(wanted.lower), upper = windowed.order.nth(wanted.upper);
      return lower + wanted.above * (upper - lower);
    }
    const Standing at = windowed.order.standing(newest);
    if (wanted.statistic == Statistic::share_below) return static_cast<double>(at.below) / (window - 1.0);
    return (static_cast<double>(at.below) + static_cast<double>(at.equal + 1) / 2.0) / window;
  }

  std::vector<Windowed> windows_;
};

NodeRef order_statistic(GraphBuilder& graph, NodeRef x, std::int64_t window, Statistic statistic,
                        double place = 0.0) {
  const bool is_short = window <= kShort;
  NodeKey key{is_short ? "order_statistic" : "long_order_statistic",
              {static_cast<double>(window), static_cast<double>(statistic), place},
              {x}};
  // It runs from the first valid row on, so that windows of every length run together.
  return graph.add(
      std::move(key), {.mask = window - 1, .settle = window - 1, .history = window},
      is_short ? in_lanes<OrderStatistics<SortedWindow>>() : in_lanes<OrderStatistics<WindowTree>>());
}

// Age by age of the window, all rows of the block side by side. Differences are taken from the newest value
// first: they keep the digits that a mean of 1e6 would cost them.
class ShortAbsoluteDeviation final : public Kernel {
 public:
  explicit ShortAbsoluteDeviation(std::int64_t window) : window_(window) {}

  void run(const Block& block) noexcept override {
    in_vectors(block.size, [&] { run_rows(block); });
  }

 private:
  void run_rows(const Block& block) const noexcept {
    const double* x = block.in[0];
    double *sum = block.out[0], *newest = block.out[1];
    const auto window = static_cast<double>(window_);
    std::fill_n(newest, block.size, 0.0);
    for (std::int64_t age = 1; age < window_; ++age) {
      SENTIO_INDEPENDENT_ROWS
      for (std::ptrdiff_t i = 0; i < block.size; ++i) newest[i] -= x[i - age] - x[i];
    }
    SENTIO_INDEPENDENT_ROWS
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      newest[i] /= window;
      sum[i] = larger(newest[i], -newest[i]);
    }
    for (std::int64_t age = 1; age < window_; ++age) {
      SENTIO_INDEPENDENT_ROWS
      for (std::ptrdiff_t i = 0; i < block.size; ++i) {
        const double deviation = (x[i - age] - x[i]) + newest[i];
        sum[i] += larger(deviation, -deviation);
      }
    }
    for (std::ptrdiff_t i = 0; i < block.size; ++i) sum[i] /= window;
  }

  std::int64_t window_;
};

class LongAbsoluteDeviation final : public Kernel {
 public:
  explicit LongAbsoluteDeviation(std::int64_t window) : tree_(window) {}

  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double* newest = block.in[0] + i;
      if (const std::int64_t row = block.first + i; row == 0) {
        tree_.fill(newest, row);
      } else {
        tree_.replace(newest, row);
      }
      block.out[0][i] = tree_.mean_absolute_deviation();
      block.out[1][i] = tree_.above_mean(*newest);
    }
  }
  void rebuild(const Block& past) noexcept override { tree_.fill(past.in[0] - 1, past.first - 1); }

 private:
  WindowTree tree_;
};

}  // namespace

NodeRef quantile(GraphBuilder& graph, NodeRef x, std::int64_t window, double level) {
  return at_place(graph, x, window, level * static_cast<double>(window - 1));
}

NodeRef at_place(GraphBuilder& graph, NodeRef x, std::int64_t window, double place) {
  return order_statistic(graph, x, window, Statistic::at_place, place);
}

NodeRef share_below(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return order_statistic(graph, x, window + 1, Statistic::share_below);
}

NodeRef rank(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return order_statistic(graph, x, window, Statistic::rank);
}

AbsoluteDeviation absolute_deviation(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const auto make = [window]() -> std::unique_ptr<Kernel> {
    if (window <= kShort) return std::make_unique<ShortAbsoluteDeviation>(window);
    return std::make_unique<LongAbsoluteDeviation>(window);
  };
  const NodeRef node =
      graph.add({"absolute_deviation", {static_cast<double>(window)}, {x}}, {.lag = window - 1}, make, 2);
  return {{node.node, 0}, {node.node, 1}};
}

}  // namespace sentio
