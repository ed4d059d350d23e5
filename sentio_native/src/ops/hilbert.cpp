// HT_*: Ehlers' indicators of the dominant cycle's period and phase, by the names of TA-Lib.
#include <array>
#include <cmath>
#include <memory>

#include "kernels/cycle.hpp"
#include "kernels/portable_math.hpp"
#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// Bars in the cycle, within its limits even where a damaged snapshot says otherwise.
std::ptrdiff_t whole_bars(double period) noexcept {
  const double limited = smaller(static_cast<double>(kLongestCycle), larger(1.0, period));
  return static_cast<std::ptrdiff_t>(limited + 0.5);
}

// Sine and cosine of k / bars turns, for each number of bars.
struct Turns {
  static constexpr auto kBars = static_cast<std::size_t>(kLongestCycle);
  using Table = std::array<std::array<double, kBars>, kBars + 1>;
  Table sine{}, cosine{};

  Turns() {
    for (std::size_t bars = 1; bars <= kBars; ++bars) {
      for (std::size_t k = 0; k < bars; ++k) {
        const double angle = 2.0 * kPi * static_cast<double>(k) / static_cast<double>(bars);
        sine[bars][k] = portable_sin(angle);
        cosine[bars][k] = portable_cos(angle);
      }
    }
  }
};

// The phase of the Fourier component whose period is the cycle, over the cycle's last bars, -45 to 315
// degrees. A constant has no part in it: the newest value is subtracted, so that what is flat is exactly 0.
NodeRef phase(Lowering& op) {
  static const Turns turns;
  const Cycle measured = cycle(op.graph(), op.in(0), kPhaseFirst);
  return pointwise(op.graph(), "cycle_phase", {measured.smooth, measured.period},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double* last = in[0] + i;
                     const std::ptrdiff_t bars = whole_bars(in[1][i]);
                     const auto& sine = turns.sine[static_cast<std::size_t>(bars)];
                     const auto& cosine = turns.cosine[static_cast<std::size_t>(bars)];
                     double real = 0.0, imaginary = 0.0;
                     for (std::ptrdiff_t k = 1; k < bars; ++k) {
                       const double value = last[-k] - *last;
                       real += sine[static_cast<std::size_t>(k)] * value;
                       imaginary += cosine[static_cast<std::size_t>(k)] * value;
                     }
                     double degrees = slope_degrees(real, imaginary);
                     if (imaginary == 0.0 && real != 0.0) degrees = real < 0.0 ? -90.0 : 90.0;
                     // The weighted mean is one bar late, which is 360 / period degrees.
                     degrees += 90.0 + 360.0 / larger(1.0, in[1][i]);
                     if (imaginary < 0.0) degrees += 180.0;
                     return degrees > 315.0 ? degrees - 360.0 : degrees;
                   },
                   {kLongestCycle - 1, 0});
}

NodeRef sine_of(Lowering& op, double lead) {
  return pointwise(op.graph(), "phase_sine", {phase(op)},
                   [lead](const double* const* in, std::ptrdiff_t i) {
                     return portable_sin((in[0][i] + lead) / (180.0 / kPi));
                   },
                   0, {lead});
}

// The mean over the cycle's bars, in which the cycle has no part, and its weighted mean.
NodeRef trendline(Lowering& op) {
  const NodeRef mean =
      pointwise(op.graph(), "cycle_mean", {op.in(0), cycle(op.graph(), op.in(0), kPhaseFirst).period},
                [](const double* const* in, std::ptrdiff_t i) {
                  const double* last = in[0] + i;
                  const std::ptrdiff_t bars = whole_bars(in[1][i]);
                  double sum = 0.0;
                  for (std::ptrdiff_t k = 1; k < bars; ++k) sum += last[-k] - *last;
                  return *last + sum / static_cast<double>(bars);
                },
                {kLongestCycle - 1, 0});
  return weighted_four(op.graph(), mean);
}

// Bars since sine and lead sine crossed, the crossing one counted.
class CrossingAge final : public Kernel {
 public:
  void run(const Block& block) noexcept override {
    const double* const sine = block.in[0];
    const double* const lead = block.in[1];
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const bool up = sine[i] > lead[i] && sine[i - 1] <= lead[i - 1];
      const bool down = sine[i] < lead[i] && sine[i - 1] >= lead[i - 1];
      bars_ = up || down ? 1 : bars_ < kEnough ? bars_ + 1 : kEnough;
      block.out[0][i] = static_cast<double>(bars_);
    }
  }
  void state(StateArchive& archive) override { archive(bars_, 1, kEnough); }

 private:
  static constexpr std::int64_t kEnough = kLongestCycle / 2;  // more bars say no more
  // TA-Lib takes the first bar that it measures for a crossing; the first phase is that of the 16th.
  std::int64_t bars_ = 16;
};

// 1 in a trend, 0 in a cycle: for half a period after a crossing, and while the phase turns as the period
// says; a price 1.5 % off the trendline is a trend whatever the phase.
NodeRef trend_mode(Lowering& op) {
  GraphBuilder& graph = op.graph();
  const Cycle measured = cycle(graph, op.in(0), kPhaseFirst);
  const NodeRef degrees = phase(op);
  const NodeRef age =
      graph.add({"crossing_age", {}, {sine_of(op, 0.0), sine_of(op, 45.0)}},
                {.lag = 1, .settle = std::nullopt}, [] { return std::make_unique<CrossingAge>(); });
  return pointwise(graph, "trend_mode", {age, degrees, measured.period, measured.smooth, trendline(op)},
                   [](const double* const* in, std::ptrdiff_t i) {
                     const double period = in[2][i], turn = in[1][i] - in[1][i - 1];
                     const double trend = in[4][i], away = std::abs(in[3][i] - trend);
                     const bool cycling = in[0][i] < 0.5 * period ||
                                          (turn > 0.67 * 360.0 / period && turn < 1.5 * 360.0 / period);
                     return !cycling || (trend != 0.0 && away >= 0.015 * std::abs(trend)) ? 1.0 : 0.0;
                   },
                   {0, 1, 0, 0, 0});
}

}  // namespace

std::vector<OpInfo> hilbert() {
  std::vector<OpInfo> ops = {
      {
          .name = "HT_DCPERIOD",
          .summary = "Period of the dominant cycle in bars, smoothed, by the Hilbert transform",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 7; TA-Lib HT_DCPERIOD",
          .warmup = "32",
          .neutral = "the period before, once a flat market's past is forgotten",
          .talib = "HT_DCPERIOD()",
          .lower =
              [](Lowering& op) {
                const NodeRef x = op.in(0);
                return counted(op.graph(), cycle(op.graph(), x, kPeriodFirst).period, x, kPeriodFirst);
              },
      },
      {
          .name = "HT_PHASOR_INPHASE",
          .summary = "In-phase component of the dominant cycle, three bars late",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 6; TA-Lib HT_PHASOR",
          .warmup = "32",
          .scale = "source",
          .talib = "HT_PHASOR().inphase",
          .lower =
              [](Lowering& op) {
                const NodeRef x = op.in(0);
                return counted(op.graph(), cycle(op.graph(), x, kPeriodFirst).in_phase, x, kPeriodFirst);
              },
      },
      {
          .name = "HT_PHASOR_QUADRATURE",
          .summary = "Quadrature component of the dominant cycle: the in-phase one turned by 90 degrees",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 6; TA-Lib HT_PHASOR",
          .warmup = "32",
          .scale = "source",
          .talib = "HT_PHASOR().quadrature",
          .lower =
              [](Lowering& op) {
                const NodeRef x = op.in(0);
                return counted(op.graph(), cycle(op.graph(), x, kPeriodFirst).quadrature, x, kPeriodFirst);
              },
      },
      {
          .name = "HT_DCPHASE",
          .summary = "Phase of the dominant cycle, -45 to 315 degrees",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 9; TA-Lib HT_DCPHASE",
          .warmup = "63",
          .neutral = "90 + 360 / period where the cycle's bars are flat (TA-Lib: that of rounding errors)",
          .scale = "360",
          .talib = "HT_DCPHASE()",
          .lower = [](Lowering& op) { return counted(op.graph(), phase(op), op.in(0), kPhaseFirst); },
      },
      {
          .name = "HT_SINE",
          .summary = "Sine of the dominant cycle's phase, -1 to 1",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 9; TA-Lib HT_SINE",
          .warmup = "63",
          .neutral = "that of HT_DCPHASE",
          .talib = "HT_SINE().sine",
          .lower = [](Lowering& op) { return counted(op.graph(), sine_of(op, 0.0), op.in(0), kPhaseFirst); },
      },
      {
          .name = "HT_LEADSINE",
          .summary = "Sine of the dominant cycle's phase 45 degrees on, -1 to 1",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 9; TA-Lib HT_SINE",
          .warmup = "63",
          .neutral = "that of HT_DCPHASE",
          .talib = "HT_SINE().leadsine",
          .lower = [](Lowering& op) { return counted(op.graph(), sine_of(op, 45.0), op.in(0), kPhaseFirst); },
      },
      {
          .name = "HT_TRENDLINE",
          .summary = "Instantaneous trendline: the mean over the dominant cycle's bars, smoothed over four",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 10; TA-Lib HT_TRENDLINE",
          .warmup = "63",
          .scale = "source",
          .talib = "HT_TRENDLINE()",
          .lower = [](Lowering& op) { return counted(op.graph(), trendline(op), op.in(0), kPhaseFirst); },
      },
      {
          .name = "HT_TRENDMODE",
          .summary = "1 in a trend, 0 in a cycle, by the dominant cycle's phase and the trendline",
          .definition = "Ehlers, Rocket Science for Traders (2001), chapter 11; TA-Lib HT_TRENDMODE, which "
                        "sees crossings "
                        "from its 38th bar on, this one from the 54th",
          .warmup = "63",
          .talib = "HT_TRENDMODE()",
          .lower = [](Lowering& op) { return counted(op.graph(), trend_mode(op), op.in(0), kPhaseFirst); },
      },
  };
  for (OpInfo& op : ops) {
    op.sources = {"close"};
    op.memory = Memory::unbounded;
  }
  return ops;
}

}  // namespace sentio::ops
