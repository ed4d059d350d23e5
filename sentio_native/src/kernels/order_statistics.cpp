// Statistics of a window in order. Nothing here is state: the order is made again from the inputs' history.
#include "kernels/order_statistics.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "kernels/series.hpp"
#include "kernels/window_tree.hpp"

namespace sentio {
namespace {

// Up to here moving half an array is quicker than walking a tree.
constexpr std::int64_t kLongestArray = 2048;
// Up to here adding up a window is.
constexpr std::int64_t kLongestSum = 256;

// A short window: an array in order, and the values by slot, which is the row modulo the window.
class SortedWindow {
 public:
  explicit SortedWindow(std::int64_t window)
      : by_slot_(static_cast<std::size_t>(window)), sorted_(by_slot_.size()) {}

  // The window that ends at `newest`, of which `known` values can be read; a 0 stands for an older one.
  void fill(const double* newest, std::int64_t row, std::int64_t known) noexcept {
    const auto window = static_cast<std::int64_t>(by_slot_.size());
    for (std::int64_t age = 0; age < window; ++age) {
      by_slot_[static_cast<std::size_t>((row + window - age) % window)] =
          age < known ? newest[-age] + 0.0 : 0.0;
    }
    sorted_ = by_slot_;
    std::sort(sorted_.begin(), sorted_.end());
  }

  void replace(std::int64_t row, double value) noexcept {
    const auto slot = static_cast<std::size_t>(row % static_cast<std::int64_t>(by_slot_.size()));
    value += 0.0;  // one zero alone: equal values must be equal bits
    double* gone = sorted_.data() + below(by_slot_[slot]);
    double* place = sorted_.data() + below(value);
    if (gone < place) {
      --place;
      std::memmove(gone, gone + 1, static_cast<std::size_t>(place - gone) * sizeof(double));
    } else {
      std::memmove(place + 1, place, static_cast<std::size_t>(gone - place) * sizeof(double));
    }
    *place = value;
    by_slot_[slot] = value;
  }

  [[nodiscard]] double nth(std::int64_t place) const noexcept {
    return sorted_[static_cast<std::size_t>(place)];
  }

  [[nodiscard]] Standing standing(double value) const noexcept {
    const std::int64_t first = below(value);
    return {first, leading([value](double x) { return x <= value; }) - first};
  }

 private:
  // How many values come before all that `is_before` denies: a binary search whose steps are the same for
  // every value, so that there is no branch to guess wrong.
  template <class IsBefore>
  [[nodiscard]] std::int64_t leading(IsBefore is_before) const noexcept {
    const double* first = sorted_.data();
    std::size_t left = sorted_.size();
    while (left > 1) {
      const std::size_t half = left / 2;
      first += is_before(first[half - 1]) ? half : 0;
      left -= half;
    }
    return (first - sorted_.data()) + (is_before(*first) ? 1 : 0);
  }
  [[nodiscard]] std::int64_t below(double value) const noexcept {
    return leading([value](double x) { return x < value; });
  }

  std::vector<double> by_slot_, sorted_;
};

// Which statistic a lane gives; all lanes read one order.
enum class Statistic : std::uint8_t { rank, share_below, at_place };

template <class Order>
class OrderStatistics final : public Kernel {
 public:
  explicit OrderStatistics(std::span<const Lane> lanes)
      : order_(static_cast<std::int64_t>(lanes[0].params[0])), last_place_(lanes[0].params[0] - 1.0) {
    for (const Lane& lane : lanes) {
      const auto lower = static_cast<std::int64_t>(lane.params[2]);
      const std::int64_t upper = std::min(lower + 1, static_cast<std::int64_t>(last_place_));
      wanted_.push_back({static_cast<Statistic>(lane.params[1]), lower, upper,
                         lane.params[2] - static_cast<double>(lower)});
    }
  }

  void run(const Block& block) noexcept override {
    const double* x = block.in[0];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      if (const std::int64_t row = block.first + i; row == 0) {
        order_.fill(x + i, row, window());
      } else {
        order_.replace(row, x[i]);
      }
      for (std::size_t k = 0; k < wanted_.size(); ++k) block.out[k][i] = value_of(wanted_[k], x[i]);
    }
  }

  // The oldest value is no longer kept: what stands for it is the first to go.
  void rebuild(const Block& past) noexcept override {
    order_.fill(past.in[0] - 1, past.first - 1, window() - 1);
  }

 private:
  [[nodiscard]] std::int64_t window() const noexcept { return static_cast<std::int64_t>(last_place_) + 1; }

  struct Wanted {
    Statistic statistic;
    std::int64_t lower, upper;  // the places on both sides
    double above;               // how far above the lower one
  };

  [[nodiscard]] double value_of(const Wanted& wanted, double newest) const noexcept {
    if (wanted.statistic != Statistic::at_place) {
      const Standing at = order_.standing(newest);
      if (wanted.statistic == Statistic::share_below) return static_cast<double>(at.below) / last_place_;
      return (static_cast<double>(at.below) + static_cast<double>(at.equal + 1) / 2.0) / (last_place_ + 1.0);
    }
    const double lower = order_.nth(wanted.lower), upper = order_.nth(wanted.upper);
    return lower + wanted.above * (upper - lower);
  }

  Order order_;
  double last_place_;
  std::vector<Wanted> wanted_;
};

NodeRef order_statistic(GraphBuilder& graph, NodeRef x, std::int64_t window, Statistic statistic,
                        double place = 0.0) {
  NodeKey key{"order_statistic", {static_cast<double>(window), static_cast<double>(statistic), place}, {x}};
  return graph.add(std::move(key), {.lag = window - 1},
                   window <= kLongestArray ? in_lanes<OrderStatistics<SortedWindow>>()
                                           : in_lanes<OrderStatistics<WindowTree>>());
}

// Age by age of the window, all rows of the block side by side. Differences are taken from the newest value
// first: they keep the digits that a mean of 1e6 would cost them.
class ShortAbsoluteDeviation final : public Kernel {
 public:
  explicit ShortAbsoluteDeviation(std::int64_t window) : window_(window) {}

  void run(const Block& block) noexcept override {
    const double* x = block.in[0];
    double *sum = block.out[0], *newest = block.out[1];
    const auto window = static_cast<double>(window_);
    std::fill_n(newest, block.size, 0.0);
    for (std::int64_t age = 1; age < window_; ++age) {
      for (std::ptrdiff_t i = 0; i < block.size; ++i) newest[i] -= x[i - age] - x[i];
    }
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      newest[i] /= window;
      sum[i] = larger(newest[i], -newest[i]);
    }
    for (std::int64_t age = 1; age < window_; ++age) {
      for (std::ptrdiff_t i = 0; i < block.size; ++i) {
        const double deviation = (x[i - age] - x[i]) + newest[i];
        sum[i] += larger(deviation, -deviation);
      }
    }
    for (std::ptrdiff_t i = 0; i < block.size; ++i) sum[i] /= window;
  }

 private:
  std::int64_t window_;
};

class LongAbsoluteDeviation final : public Kernel {
 public:
  explicit LongAbsoluteDeviation(std::int64_t window) : window_(window), tree_(window) {}

  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const double* newest = block.in[0] + i;
      if (const std::int64_t row = block.first + i; row == 0) {
        tree_.fill(newest, row, window_);
      } else {
        tree_.replace(row, *newest);
      }
      block.out[0][i] = tree_.mean_absolute_deviation();
      block.out[1][i] = tree_.above_mean(*newest);
    }
  }
  // As OrderStatistics: the oldest value is no longer kept.
  void rebuild(const Block& past) noexcept override {
    tree_.fill(past.in[0] - 1, past.first - 1, window_ - 1);
  }

 private:
  std::int64_t window_;
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
    if (window <= kLongestSum) return std::make_unique<ShortAbsoluteDeviation>(window);
    return std::make_unique<LongAbsoluteDeviation>(window);
  };
  const NodeRef node =
      graph.add({"absolute_deviation", {static_cast<double>(window)}, {x}}, {.lag = window - 1}, make, 2);
  return {{node.node, 0}, {node.node, 1}};
}

}  // namespace sentio
