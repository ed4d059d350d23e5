// Statistics of a window in order. Nothing here is state: the order is made again from the inputs' history.
#include "kernels/order_statistics.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "kernels/in_vectors.hpp"
#include "kernels/series.hpp"
#include "kernels/window_tree.hpp"

namespace sentio {
namespace {

// Up to here it is quicker to pass over a whole window in vectors than to search in it.
constexpr std::int64_t kShort = 128;
// Up to here moving half an array is quicker than walking a tree.
constexpr std::int64_t kLongestArray = 2048;
// Up to here adding up a window is.
constexpr std::int64_t kLongestSum = 256;

// A short window: an array in order, between minus and plus infinity.
class ShortWindow {
 public:
  explicit ShortWindow(std::int64_t window)
      : window_(window),
        groups_((window + kGroup - 1) / kGroup),
        sorted_(static_cast<std::size_t>(kGroup * groups_ + 2), kInfinity),
        next_(sorted_) {
    sorted_[0] = next_[0] = -kInfinity;
  }
  [[nodiscard]] std::int64_t window() const noexcept { return window_; }

  // The window that ends at `newest`, of which `known` values can be read; a 0 stands for an older one.
  // Adding 0 leaves one zero alone: equal values must be equal bits.
  void fill(const double* newest, std::int64_t known) noexcept {
    for (std::int64_t age = 0; age < window_; ++age)
      sorted_[static_cast<std::size_t>(window_ - age)] = age < known ? newest[-age] + 0.0 : 0.0;
    oldest_ = sorted_[1];
    std::sort(sorted_.begin() + 1, sorted_.begin() + 1 + window_);
  }

  // The window one row on, by one pass that no value makes branch: what is left when the first of those equal
  // to the oldest is taken out, into which the newest goes as the middle one of itself and two neighbours.
  void replace(const double* newest) noexcept {
    const double gone = oldest_, fresh = newest[0] + 0.0;
    const double* from = sorted_.data() + 1;
    double* to = next_.data() + 1;
    const std::ptrdiff_t groups = groups_;
    SENTIO_INDEPENDENT_ROWS
    for (std::ptrdiff_t k = 0; k < kGroup * groups; ++k) {
      const double before = from[k - 1] < gone ? from[k - 1] : from[k];
      const double at = from[k] < gone ? from[k] : from[k + 1];
      to[k] = larger(before, smaller(at, fresh));
    }
    sorted_.swap(next_);
    oldest_ = newest[1 - window_] + 0.0;
  }

  [[nodiscard]] double nth(std::int64_t place) const noexcept {
    return sorted_[static_cast<std::size_t>(place + 1)];
  }

 private:
  static constexpr std::ptrdiff_t kGroup = 4;  // whole vectors: no rest to do value by value
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  std::ptrdiff_t window_, groups_;
  double oldest_ = 0;  // the next to go
  std::vector<double> sorted_, next_;
};

// A longer window: an array in order, and the values by slot, which is the row modulo the window.
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

enum class Statistic : std::uint8_t { rank, share_below, at_place };

// A place in a window's order, linear between two values.
class Place {
 public:
  Place(std::int64_t window, double place)
      : lower_(static_cast<std::int64_t>(place)),
        upper_(std::min(lower_ + 1, window - 1)),
        above_(place - static_cast<double>(lower_)) {}

  template <class Order>
  [[nodiscard]] double in(const Order& order) const noexcept {
    const double lower = order.nth(lower_), upper = order.nth(upper_);
    return lower + above_ * (upper - lower);
  }

 private:
  std::int64_t lower_, upper_;
  double above_;  // how far above the lower one
};

// From how many values of a window lie below one, and how many equal it, itself included.
double rank_of(double below, double equal, std::int64_t window) noexcept {
  return (below + (equal + 1.0) / 2.0) / static_cast<double>(window);
}
double share_below_of(double below, std::int64_t window) noexcept {
  return below / static_cast<double>(window - 1);
}

// Places in short windows of one series. Lanes of one window read one order of it, and windows take their
// turns row by row, so that none waits for what it has just written.
class ShortPlaces final : public Kernel {
 public:
  explicit ShortPlaces(std::span<const Lane> lanes) {
    for (std::size_t k = 0; k < lanes.size(); ++k) {
      const auto window = static_cast<std::int64_t>(lanes[k].params[0]);
      of_window(window).wanted.push_back({Place(window, lanes[k].params[2]), k});
    }
  }

  void run(const Block& block) noexcept override {
    in_vectors(kShort, [&] {
      for (std::ptrdiff_t i = 0; i < block.size; ++i) {
        for (Windowed& windowed : windows_) run_row(windowed, block, i);
      }
    });
  }

  // The oldest value is no longer kept: what stands for it is the first to go.
  void rebuild(const Block& past) noexcept override {
    for (Windowed& windowed : windows_) {
      const std::int64_t window = windowed.order.window();
      if (past.first >= window) windowed.order.fill(past.in[0] - 1, window - 1);
    }
  }

 private:
  struct Wanted {
    Place place;
    std::size_t lane;
  };
  struct Windowed {
    ShortWindow order;
    std::vector<Wanted> wanted;
  };

  Windowed& of_window(std::int64_t window) {
    for (Windowed& windowed : windows_) {
      if (windowed.order.window() == window) return windowed;
    }
    return windows_.emplace_back(Windowed{ShortWindow(window), {}});
  }

  static void run_row(Windowed& windowed, const Block& block, std::ptrdiff_t i) noexcept {
    const std::int64_t full = windowed.order.window() - 1, row = block.first + i;
    if (row < full) return;
    const double* newest = block.in[0] + i;
    if (row == full) {
      windowed.order.fill(newest, full + 1);
    } else {
      windowed.order.replace(newest);
    }
    for (const Wanted& wanted : windowed.wanted) block.out[wanted.lane][i] = wanted.place.in(windowed.order);
  }

  std::vector<Windowed> windows_;
};

// How the newest value stands in short windows of one series: those below it and those equal to it are
// counted age by age, many rows side by side, once for windows of every length.
class ShortStandings final : public Kernel {
 public:
  explicit ShortStandings(std::span<const Lane> lanes) {
    for (std::size_t k = 0; k < lanes.size(); ++k) {
      wanted_.push_back(
          {static_cast<std::int64_t>(lanes[k].params[0]), static_cast<Statistic>(lanes[k].params[1]), k});
    }
    std::sort(wanted_.begin(), wanted_.end(),
              [](const Wanted& a, const Wanted& b) { return a.window < b.window; });
  }

  void run(const Block& block) noexcept override {
    in_vectors(block.size, [&] {
      for (std::ptrdiff_t i = 0; i < block.size; i += kRows)
        run_rows(block, i, std::min(kRows, block.size - i));
    });
  }

 private:
  static constexpr std::ptrdiff_t kRows = 64;
  struct Wanted {
    std::int64_t window;
    Statistic statistic;
    std::size_t lane;
  };

  void run_rows(const Block& block, std::ptrdiff_t first, std::ptrdiff_t rows) const noexcept {
    const double* x = block.in[0] + first;
    double below[kRows], equal[kRows];
    std::fill_n(below, rows, 0.0);
    std::fill_n(equal, rows, 1.0);  // itself
    std::int64_t age = 1;
    for (const Wanted& wanted : wanted_) {
      for (; age < wanted.window; ++age) {
        SENTIO_INDEPENDENT_ROWS
        for (std::ptrdiff_t i = 0; i < rows; ++i) {
          below[i] += x[i - age] < x[i] ? 1.0 : 0.0;
          equal[i] += x[i - age] == x[i] ? 1.0 : 0.0;
        }
      }
      double* out = block.out[wanted.lane] + first;
      const bool is_share = wanted.statistic == Statistic::share_below;
      SENTIO_INDEPENDENT_ROWS
      for (std::ptrdiff_t i = 0; i < rows; ++i)
        out[i] =
            is_share ? share_below_of(below[i], wanted.window) : rank_of(below[i], equal[i], wanted.window);
    }
  }

  std::vector<Wanted> wanted_;  // the shortest window first
};

// Statistics of a longer window; all lanes read one order.
template <class Order>
class OrderStatistics final : public Kernel {
 public:
  explicit OrderStatistics(std::span<const Lane> lanes)
      : window_(static_cast<std::int64_t>(lanes[0].params[0])), order_(window_) {
    for (const Lane& lane : lanes)
      wanted_.push_back({static_cast<Statistic>(lane.params[1]), Place(window_, lane.params[2])});
  }

  void run(const Block& block) noexcept override {
    const double* x = block.in[0];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      if (const std::int64_t row = block.first + i; row == 0) {
        order_.fill(x + i, row, window_);
      } else {
        order_.replace(row, x[i]);
      }
      for (std::size_t k = 0; k < wanted_.size(); ++k) block.out[k][i] = value_of(wanted_[k], x[i]);
    }
  }

  // The oldest value is no longer kept: what stands for it is the first to go.
  void rebuild(const Block& past) noexcept override {
    order_.fill(past.in[0] - 1, past.first - 1, window_ - 1);
  }

 private:
  struct Wanted {
    Statistic statistic;
    Place place;
  };

  [[nodiscard]] double value_of(const Wanted& wanted, double newest) const noexcept {
    if (wanted.statistic == Statistic::at_place) return wanted.place.in(order_);
    const Standing at = order_.standing(newest);
    const auto below = static_cast<double>(at.below);
    if (wanted.statistic == Statistic::share_below) return share_below_of(below, window_);
    return rank_of(below, static_cast<double>(at.equal), window_);
  }

  std::int64_t window_;
  Order order_;
  std::vector<Wanted> wanted_;
};

NodeRef order_statistic(GraphBuilder& graph, NodeRef x, std::int64_t window, Statistic statistic,
                        double place = 0.0) {
  const std::vector<double> params{static_cast<double>(window), static_cast<double>(statistic), place};
  if (window <= kShort) {  // from the first valid row on, so that windows of every length run together
    const bool is_place = statistic == Statistic::at_place;
    return graph.add({is_place ? "short_place" : "short_standing", params, {x}},
                     {.mask = window - 1, .settle = window - 1, .history = window - 1},
                     is_place ? in_lanes<ShortPlaces>() : in_lanes<ShortStandings>());
  }
  return graph.add({"order_statistic", params, {x}}, {.lag = window - 1},
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
