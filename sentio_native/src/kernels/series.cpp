// The nodes that many ops share.
#include "kernels/series.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "kernels/compensated_sum.hpp"
#include "kernels/moments_fold.hpp"
#include "kernels/pointwise.hpp"
#include "kernels/portable_log.hpp"
#include "kernels/row_loops.hpp"
#include "kernels/window_fold.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

// value += alpha (x - value) in several lanes, over one series or several: a vector of kLanes is of one
// series, and padded. The difference form keeps a constant series constant to the bit. What has decayed is
// forgotten at every 64th row: before it is a denormal, and off the recurrence's path.
class Decay : public Kernel {
 public:
  static constexpr bool kPacks = true;

  explicit Decay(std::span<const Lane> lanes, double (*alpha_of)(double)) : unused_(kForgetEvery) {
    for (const Lane& lane : lanes) {
      if (!series_.empty() && lane.series != series_.back()) alpha_.resize(padded_lanes(alpha_.size()));
      if (alpha_.size() % kLanes == 0) series_.push_back(lane.series);
      place_.push_back(alpha_.size());
      alpha_.push_back(alpha_of(lane.params[0]));
    }
    alpha_.resize(padded_lanes(alpha_.size()));
    value_.resize(alpha_.size());
    for (const std::size_t series : series_) {
      if (stretches_.empty() || stretches_.back().series != series) stretches_.push_back({series, 0});
      ++stretches_.back().vectors;
    }
    x_.resize(series_.size());
    out_.resize(alpha_.size(), unused_.data());
  }
  void state(StateArchive& archive) override {
    for (const std::size_t place : place_) archive(value_[place]);
  }

 protected:
  static constexpr std::int64_t kForgetEvery = 64;
  void forget_at(std::int64_t row) noexcept {
    if (row % kForgetEvery != 0) return;
    for (double& value : value_) value = forget(value);
  }

  // Rows [from, block.size), with the final alphas.
  void run_from(const Block& block, std::ptrdiff_t from) noexcept {
    if (block.size == 1 && from == 0) return run_one(block);
    for (std::ptrdiff_t i = from; i < block.size;) {
      const std::int64_t row = block.first + i;
      forget_at(row);
      const auto rows =
          std::min(block.size - i, static_cast<std::ptrdiff_t>(kForgetEvery - row % kForgetEvery));
      point_at(block, i);
      row_loops().decay(x_.data(), rows, out_.data(), value_.data(), alpha_.data(), alpha_.size());
      i += rows;
    }
  }

  std::vector<std::size_t> series_;  // of each vector of lanes
  std::vector<std::size_t> place_;   // of each lane in those below
  std::vector<double> alpha_, value_;

 private:
  void point_at(const Block& block, std::ptrdiff_t i) noexcept {
    for (std::size_t k = 0; k < place_.size(); ++k) out_[place_[k]] = block.out[k];
    for (std::size_t v = 0; v < series_.size(); ++v) {
      x_[v] = block.in[series_[v]] + i;
      double** const lanes = out_.data() + kLanes * v;
      const std::ptrdiff_t row = is_quad(lanes) ? kLanes : 1;
      for (std::size_t k = 0; k < kLanes && lanes[k] != unused_.data(); ++k) lanes[k] += row * i;
    }
  }

  // The same arithmetic; a row alone needs no transposing.
  void run_one(const Block& block) noexcept {
    forget_at(block.first);
    const double* const* in = block.in;
    const std::span<const Stretch> stretches = stretches_;
    double *value = value_.data(), *out = block.in_row ? block.out[0] : value;
    const double* alpha = alpha_.data();
    in_vectors(static_cast<std::ptrdiff_t>(value_.size()), [=] {
      std::size_t first = 0;
      for (const auto& [series, vectors] : stretches) {
        const double x = *in[series];
        const std::size_t end = first + kLanes * vectors;
        SENTIO_INDEPENDENT_ROWS
        for (std::size_t k = first; k < end; ++k) {
          const double next = value[k] + alpha[k] * (x - value[k]);
          value[k] = next;
          out[k] = next;
        }
        first = end;
      }
    });
    if (block.in_row) return;
    for (std::size_t k = 0; k < place_.size(); ++k) *block.out[k] = value_[place_[k]];
  }

  // Neighbours over one series.
  struct Stretch {
    std::size_t series, vectors;
  };
  std::vector<Stretch> stretches_;
  std::vector<const double*> x_;  // of each vector of lanes
  std::vector<double*> out_;
  std::vector<double> unused_;  // what the padding lanes write
};

class DecayingAverage final : public Decay {
 public:
  explicit DecayingAverage(std::span<const Lane> lanes) : Decay(lanes, [](double alpha) { return alpha; }) {}
  void run(const Block& block) noexcept override {
    if (block.first == 0) {
      for (std::size_t v = 0; v < series_.size(); ++v) {
        std::fill_n(value_.data() + kLanes * v, kLanes, *block.in[series_[v]]);
      }
    }
    run_from(block, 0);
  }
};

// Over the first rows alpha is 1, 1/2, 1/3, ...: the running mean that Wilder starts from.
class Wilder final : public Decay {
 public:
  explicit Wilder(std::span<const Lane> lanes) : Decay(lanes, [](double window) { return 1.0 / window; }) {
    for (const Lane& lane : lanes) {
      windows_.push_back(static_cast<std::int64_t>(lane.params[0]));
      longest_ = std::max(longest_, windows_.back());
    }
  }
  void run(const Block& block) noexcept override {
    run_from(block, block.first + 1 < longest_ ? start(block) : 0);
  }

 private:
  // Returns how many rows it has run.
  std::ptrdiff_t start(const Block& block) noexcept {
    std::ptrdiff_t i = 0;
    for (; i < block.size && block.first + i + 1 < longest_; ++i) {
      forget_at(block.first + i);
      for (std::size_t k = 0; k < windows_.size(); ++k) {
        const auto divisor = static_cast<double>(std::min(block.first + i + 1, windows_[k]));
        const double x = block.in[series_[place_[k] / kLanes]][i];
        double& value = value_[place_[k]];
        value += (1.0 / divisor) * (x - value);
        block.out[k][i] = value;
      }
    }
    return i;
  }

  std::vector<std::int64_t> windows_;
  std::int64_t longest_ = 0;
};

class RunningSum final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      sum_.add(block.in[0][i]);
      block.out[0][i] = sum_.value();
    }
  }
  void state(StateArchive& archive) override { sum_.state(archive); }

 private:
  CompensatedSum sum_;
};

struct MeanAndVarianceFold : MomentsFold {
  static constexpr std::size_t kOutputs = 2;
  void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    out[0][i] = in[0][anchor] + shift(all);
    out[1][i] = variance(all);
  }
};

struct SumFold {
  using Value = double;
  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t) const noexcept { return in[0][i]; }
  Value moved(Value sum, double, const double* const*, std::ptrdiff_t, std::ptrdiff_t) const noexcept {
    return sum;
  }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t, const Value& all,
              double* const* out) const noexcept {
    out[0][i] = all;
  }
};

template <double (*choose)(double, double) noexcept>
struct ExtremeFold {
  using Value = double;
  static constexpr bool kOverlaps = true;
  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t) const noexcept { return in[0][i]; }
  Value moved(Value best, double, const double* const*, std::ptrdiff_t, std::ptrdiff_t) const noexcept {
    return best;
  }
  Value join(const Value& a, const Value& b) const noexcept { return choose(a, b); }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t, const Value& all,
              double* const* out) const noexcept {
    out[0][i] = all;
  }
};

}  // namespace

NodeRef delayed(GraphBuilder& graph, NodeRef x, std::int64_t rows) {
  return pointwise(
      graph, "delayed", {x}, [rows](const double* const* in, std::ptrdiff_t i) { return in[0][i - rows]; },
      rows);
}

NodeRef waiting(GraphBuilder& graph, NodeRef x, std::int64_t rows) {
  const auto itself = [](const double* const* in, std::ptrdiff_t i) { return in[0][i]; };
  return graph.add({"waiting", {static_cast<double>(rows)}, {x}}, {.mask = rows},
                   [itself] { return std::make_unique<Pointwise<decltype(itself)>>(itself, 1); });
}

NodeRef change(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return pointwise(
      graph, "change", {x},
      [window](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[0][i - window]; }, window);
}

NodeRef magnitude(GraphBuilder& graph, NodeRef x) {
  return pointwise(graph, "magnitude", {x},
                   [](const double* const* in, std::ptrdiff_t i) { return larger(in[0][i], -in[0][i]); });
}

NodeRef log_ratio(GraphBuilder& graph, NodeRef a, NodeRef b) {
  return pointwise(graph, "log_ratio", {a, b},
                   [](const double* const* in, std::ptrdiff_t i) { return log_ratio(in[0][i], in[1][i]); });
}

NodeRef log_return(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return pointwise(
      graph, "log_return", {x},
      [window](const double* const* in, std::ptrdiff_t i) { return log_ratio(in[0][i], in[0][i - window]); },
      window);
}

NodeRef decaying_average(GraphBuilder& graph, NodeRef x, double alpha, std::int64_t mask) {
  return graph.add({"decaying_average", {alpha, static_cast<double>(mask)}, {x}},
                   {.mask = mask, .settle = forgetting_rows(alpha)}, in_lanes<DecayingAverage>());
}

NodeRef ema(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return decaying_average(graph, x, 2.0 / (static_cast<double>(window) + 1.0), window - 1);
}

NodeRef wilder(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return graph.add(
      {"wilder", {static_cast<double>(window)}, {x}},
      {.mask = window - 1, .settle = window + forgetting_rows(1.0 / static_cast<double>(window))},
      in_lanes<Wilder>());
}

Moments moments(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  const NodeRef node =
      window_fold(graph, "moments", {x}, window, MeanAndVarianceFold{{1.0 / static_cast<double>(window)}});
  return {{node.node, 0}, {node.node, 1}};
}

NodeRef window_sum(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return window_fold(graph, "window_sum", {x}, window, SumFold{});
}

NodeRef running_sum(GraphBuilder& graph, NodeRef x) {
  return graph.add({"running_sum", {}, {x}}, {.settle = std::nullopt},
                   [] { return std::make_unique<RunningSum>(); });
}

NodeRef highest(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return window_fold(graph, "highest", {x}, window, ExtremeFold<larger>{});
}

NodeRef lowest(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  return window_fold(graph, "lowest", {x}, window, ExtremeFold<smaller>{});
}

NodeRef bar_range(GraphBuilder& graph, NodeRef high, NodeRef low) {
  return pointwise(graph, "bar_range", {high, low},
                   [](const double* const* in, std::ptrdiff_t i) { return in[0][i] - in[1][i]; });
}

NodeRef true_range(GraphBuilder& graph, NodeRef high, NodeRef low, NodeRef close) {
  return pointwise(graph, "true_range", {high, low, close},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double before = in[2][i - 1];
                     return larger(in[0][i], before) - smaller(in[1][i], before);
                   },
                   {0, 0, 1});
}

NodeRef share(GraphBuilder& graph, NodeRef up, NodeRef down) {
  return pointwise(graph, "share", {up, down}, [](const double* const* in, std::ptrdiff_t i) {
    const double both = in[0][i] + in[1][i];
    return both > 0.0 ? 100.0 * (in[0][i] / both) : 50.0;
  });
}

NodeRef money_flow_volume(GraphBuilder& graph, NodeRef high, NodeRef low, NodeRef close, NodeRef volume) {
  return pointwise(graph, "money_flow_volume", {high, low, close, volume},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double above_low = in[2][i] - in[1][i], below_high = in[0][i] - in[2][i];
                     const double range = in[0][i] - in[1][i];
                     return range > 0.0 ? (above_low - below_high) / range * in[3][i] : 0.0;
                   });
}

std::int64_t forgetting_rows(double alpha) noexcept {
  constexpr double kBits = 24 + 4 + 20;
  constexpr double kLn2 = 0.6931471805599453;
  if (alpha >= 1.0) return 1;
  return static_cast<std::int64_t>(kBits * kLn2 / -portable_log(1.0 - alpha)) + 1;
}

}  // namespace sentio
