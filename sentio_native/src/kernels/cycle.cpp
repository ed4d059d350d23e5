// Ehlers' measurement of the dominant cycle.
#include "kernels/cycle.hpp"

#include <array>
#include <memory>

#include "kernels/pointwise.hpp"
#include "kernels/portable_math.hpp"
#include "kernels/series.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

// The last values of a column, the newest at 0; zeros before the first.
template <std::size_t kRows>
class Past {
 public:
  void push(double value) noexcept {
    for (std::size_t k = kRows - 1; k > 0; --k) values_[k] = values_[k - 1];
    values_[0] = value;
  }
  [[nodiscard]] double operator[](std::size_t rows) const noexcept { return values_[rows]; }

  // Without the oldest, which the next push drops.
  void state(StateArchive& archive) {
    for (std::size_t k = 0; k + 1 < kRows; ++k) archive(values_[k]);
  }

 private:
  std::array<double, kRows> values_{};
};

// Ehlers' four-tap Hilbert transform of the column `rows` ago: it turns a cycle by 90 degrees.
template <std::size_t kRows>
double quarter_turn(const Past<kRows>& x, double gain, std::size_t rows = 0) noexcept {
  return (0.0962 * (x[rows] - x[rows + 6]) + 0.5769 * (x[rows + 2] - x[rows + 4])) * gain;
}

// Ehlers' period of the dominant cycle from the turn between neighbouring phasors, and the phasor itself.
class CycleKernel final : public Kernel {
 public:
  // The first `waiting` rows are not looked at.
  explicit CycleKernel(std::int64_t waiting) : waiting_(waiting) {}

  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      if (block.first + i >= waiting_) measure(block.in[0][i]);
      block.out[0][i] = period_;
      block.out[1][i] = detrended_[3];
      block.out[2][i] = quadrature_[0];
    }
  }
  void state(StateArchive& archive) override {
    smooth_.state(archive);
    detrended_.state(archive);
    quadrature_.state(archive);
    for (double* value : {&i2_, &q2_, &real_, &imaginary_, &period_}) archive(*value);
  }

 private:
  void measure(double smooth) noexcept {
    const double gain = 0.075 * period_ + 0.54;  // the transform's amplitude falls as the cycle grows
    smooth_.push(smooth);
    detrended_.push(quarter_turn(smooth_, gain));
    quadrature_.push(quarter_turn(detrended_, gain));
    // The phasor, advanced by 90 degrees and averaged.
    const double i2_before = i2_, q2_before = q2_;
    average(i2_, detrended_[3] - quarter_turn(quadrature_, gain));
    average(q2_, quadrature_[0] + quarter_turn(detrended_, gain, 3));
    // The last one times the conjugate of the one before: its angle is the turn.
    average(real_, i2_ * i2_before + q2_ * q2_before);
    average(imaginary_, i2_ * q2_before - q2_ * i2_before);

    double period = period_;
    if (real_ != 0.0 && imaginary_ != 0.0) {
      period = 360.0 / slope_degrees(imaginary_, real_);
      period = larger(smaller(period, 1.5 * period_), 0.67 * period_);
    }
    period = larger(smaller(period, static_cast<double>(kLongestCycle)), 6.0);
    period_ += 0.2 * (period - period_);
  }

  static void average(double& mean, double value) noexcept { mean = forget(mean + 0.2 * (value - mean)); }

  std::int64_t waiting_;
  Past<7> smooth_;
  Past<10> detrended_;
  Past<7> quadrature_;
  double i2_ = 0, q2_ = 0, real_ = 0, imaginary_ = 0;
  double period_ = 0;
};

// The period's own average, a node for itself: the phasor has no part in it.
class SmoothPeriod final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      value_ += 0.33 * (block.in[0][i] - value_);
      block.out[0][i] = value_;
    }
  }
  void state(StateArchive& archive) override { archive(value_); }

 private:
  double value_ = 0;
};

}  // namespace

Cycle cycle(GraphBuilder& graph, NodeRef x, const FirstBars& first) {
  const NodeRef smooth = weighted_four(graph, x);
  const std::int64_t waiting = first.measured - 3;
  const int node = graph
                       .add(
                           {"cycle", {static_cast<double>(waiting)}, {smooth}}, {.settle = std::nullopt},
                           [waiting] { return std::make_unique<CycleKernel>(waiting); }, 3)
                       .node;
  const NodeRef period = graph.add({"smooth_period", {}, {{node, 0}}}, {.settle = std::nullopt},
                                   [] { return std::make_unique<SmoothPeriod>(); });
  return {smooth, period, {node, 1}, {node, 2}};
}

NodeRef counted(GraphBuilder& graph, NodeRef column, NodeRef x, const FirstBars& first) {
  const std::int64_t ready = graph.node(column).valid - graph.node(x).valid;
  return waiting(graph, column, first.counted - ready);
}

// From the newest value, so that what is flat stays flat.
NodeRef weighted_four(GraphBuilder& graph, NodeRef x) {
  return pointwise(
      graph, "weighted_four", {x},
      [](const double* const* in, std::ptrdiff_t i) {
        const double* last = in[0] + i;
        return *last + (3.0 * (last[-1] - *last) + 2.0 * (last[-2] - *last) + (last[-3] - *last)) / 10.0;
      },
      3);
}

double slope_degrees(double y, double x) noexcept {
  return x != 0.0 ? portable_atan(y / x) * (180.0 / kPi) : 0.0;
}

}  // namespace sentio
