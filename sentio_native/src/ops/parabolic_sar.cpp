// SAR, SAREXT: Wilder's parabolic stop and reverse.
#include <memory>

#include "ops/op_file.hpp"
#include "state_archive.hpp"

namespace sentio::ops {
namespace {

// How fast the stop follows: at first, more with each new extreme, and at most.
struct Acceleration {
  double first, step, most;
};

struct Rules {
  Acceleration rising, falling;
  double start = 0;   // the first stop, below 0 for one above a falling market; 0 for Wilder's
  double offset = 0;  // share of itself by which a new stop is moved away
};

// The stop, below the market while it is long; the stop above it, negative, while it is short. It starts from
// the second bar.
class ParabolicStop final : public Kernel {
 public:
  explicit ParabolicStop(const Rules& rules) : rules_(rules) {}

  void run(const Block& block) noexcept override {
    const double *high = block.in[0], *low = block.in[1];
    if (block.first == 0) start(high, low);
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      // On the first row that bar stands for the one before too, as TA-Lib has it.
      const std::ptrdiff_t before = block.first + i == 0 ? i : i - 1;
      if (is_long_ ? low[i] <= stop_ : high[i] >= stop_) reverse(high, low, i, before);
      block.out[0][i] = is_long_ ? stop_ : -stop_;
      follow(high[i], low[i]);
      stop_ += acceleration_ * (extreme_ - stop_);
      keep_behind(high, low, i, before);
    }
  }
  void state(StateArchive& archive) override {
    archive(is_long_);
    archive(stop_);
    archive(extreme_);
    archive(acceleration_);
  }

 private:
  const Acceleration& rule() const noexcept { return is_long_ ? rules_.rising : rules_.falling; }

  // Short where the second low falls further than its high rises, as MINUS_DM counts it.
  void start(const double* high, const double* low) noexcept {
    const double up = high[0] - high[-1], down = low[-1] - low[0];
    is_long_ = rules_.start != 0.0 ? rules_.start > 0.0 : !(down > 0.0 && down > up);
    extreme_ = is_long_ ? high[0] : low[0];
    stop_ = is_long_ ? low[-1] : high[-1];
    if (rules_.start != 0.0) stop_ = is_long_ ? rules_.start : -rules_.start;
    acceleration_ = rule().first;
  }

  void follow(double high, double low) noexcept {
    if (is_long_ ? high <= extreme_ : low >= extreme_) return;
    extreme_ = is_long_ ? high : low;
    acceleration_ = smaller(acceleration_ + rule().step, rule().most);
  }

  // The new stop is the extreme that the old one followed.
  void reverse(const double* high, const double* low, std::ptrdiff_t i, std::ptrdiff_t before) noexcept {
    is_long_ = !is_long_;
    stop_ = extreme_;
    keep_behind(high, low, i, before);
    stop_ += (is_long_ ? -rules_.offset : rules_.offset) * stop_;
    extreme_ = is_long_ ? high[i] : low[i];
    acceleration_ = rule().first;
  }

  // Never within the range of this bar or of the one before it.
  void keep_behind(const double* high, const double* low, std::ptrdiff_t i, std::ptrdiff_t before) noexcept {
    stop_ = is_long_ ? smaller(stop_, smaller(low[before], low[i]))
                     : larger(stop_, larger(high[before], high[i]));
  }

  Rules rules_;
  bool is_long_ = true;
  double stop_ = 0, extreme_ = 0, acceleration_ = 0;
};

NodeRef parabolic_stop(Lowering& op, Rules rules) {
  for (Acceleration* side : {&rules.rising, &rules.falling}) {
    side->first = smaller(side->first, side->most);
    side->step = smaller(side->step, side->most);
  }
  return op.graph().add({"parabolic_stop",
                         {rules.rising.first, rules.rising.step, rules.rising.most, rules.falling.first,
                          rules.falling.step, rules.falling.most, rules.start, rules.offset},
                         {op.in(0), op.in(1)}},
                        {.lag = 1, .settle = std::nullopt},
                        [rules] { return std::make_unique<ParabolicStop>(rules); });
}

NodeRef lower_sar(Lowering& op) {
  const double step = op.real("acceleration");
  const Acceleration both = {step, step, op.real("maximum")};
  return magnitude(op.graph(), parabolic_stop(op, {both, both}));
}

NodeRef lower_sarext(Lowering& op) {
  return parabolic_stop(op, {.rising = {op.real("acceleration_init_long"), op.real("acceleration_long"),
                                        op.real("acceleration_max_long")},
                             .falling = {op.real("acceleration_init_short"), op.real("acceleration_short"),
                                         op.real("acceleration_max_short")},
                             .start = op.real("start_value"),
                             .offset = op.real("offset_on_reverse")});
}

ParamInfo acceleration_param(std::string_view name, double default_value, std::string_view summary) {
  return {name, ParamType::real, 0.001, 1, default_value, summary};
}

}  // namespace

std::vector<OpInfo> parabolic_sar() {
  return {
      {
          .name = "SAR",
          .summary = "Parabolic stop and reverse: below a rising market, above a falling one",
          .definition = "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib SAR",
          .columns = {"high", "low"},
          .params = {acceleration_param("acceleration", 0.02, "how much faster each new extreme makes it"),
                     acceleration_param("maximum", 0.2,
                                        "share of the way to the extreme that it goes at most")},
          .warmup = "1",
          .memory = Memory::unbounded,
          .scale = "high",
          .talib = "SAR(acceleration=acceleration, maximum=maximum)",
          .lower = lower_sar,
      },
      {
          .name = "SAREXT",
          .summary = "Parabolic stop and reverse with rules of its own for either side; negative while short",
          .definition = "Wilder's, extended; TA-Lib SAREXT",
          .columns = {"high", "low"},
          .params =
              {
                  {"start_value", ParamType::real, -1e12, 1e12, 0,
                   "the first stop, negative for a short one; 0 for Wilder's"},
                  {"offset_on_reverse", ParamType::real, 0, 1, 0, "share by which a new stop is moved away"},
                  acceleration_param("acceleration_init_long", 0.02, "acceleration at first, while long"),
                  acceleration_param("acceleration_long", 0.02, "what each new high adds"),
                  acceleration_param("acceleration_max_long", 0.2, "the most, while long"),
                  acceleration_param("acceleration_init_short", 0.02, "acceleration at first, while short"),
                  acceleration_param("acceleration_short", 0.02, "what each new low adds"),
                  acceleration_param("acceleration_max_short", 0.2, "the most, while short"),
              },
          .warmup = "1",
          .memory = Memory::unbounded,
          .scale = "high",
          .homogeneous = false,  // a start_value is a price
          .talib =
              "SAREXT(startvalue=start_value, offsetonreverse=offset_on_reverse, "
              "accelerationinitlong=acceleration_init_long, accelerationlong=acceleration_long, "
              "accelerationmaxlong=acceleration_max_long, accelerationinitshort=acceleration_init_short, "
              "accelerationshort=acceleration_short, accelerationmaxshort=acceleration_max_short)",
          .lower = lower_sarext,
      },
  };
}

}  // namespace sentio::ops
