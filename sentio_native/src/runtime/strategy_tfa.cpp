// From predictions to signals.
#include "sentio/strategy_tfa.hpp"

#include <cmath>

#include "runtime/workspace.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

bool is_probability(double value) {
  return value >= 0.0 && value <= 1.0;
}

TFACfg checked(const TFACfg& cfg) {
  std::vector<Problem> problems;
  const auto require = [&](bool kept, const char* field, const char* message) {
    if (!kept) problems.push_back({field, message});
  };
  require(is_probability(cfg.buy_probability), "buy_probability", "is outside [0, 1]");
  require(is_probability(cfg.sell_probability), "sell_probability", "is outside [0, 1]");
  require(cfg.sell_probability <= cfg.buy_probability, "sell_probability", "is above buy_probability");
  require(std::isfinite(cfg.buy_return), "buy_return", "is not a number");
  require(std::isfinite(cfg.sell_return), "sell_return", "is not a number");
  require(cfg.sell_return <= cfg.buy_return, "sell_return", "is above buy_return");
  require(cfg.confidence_floor >= 0.0 && std::isfinite(cfg.confidence_floor), "confidence_floor",
          "is negative");
  require(cfg.cooldown_bars >= 0, "cooldown_bars", "is negative");
  if (!problems.empty())
    throw Error(ErrorCode::bad_argument, "TFACfg contradicts itself", std::move(problems));
  return cfg;
}

}  // namespace

std::filesystem::path TFACfg::folder() const {
  for (const std::string& name : {model_id, version}) {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      throw Error(ErrorCode::bad_argument, "'" + name + "' is not the name of a model or a version");
    }
  }
  return find_root(root) / "artifacts" / model_id / version;
}

std::string_view describe(Side side) noexcept {
  switch (side) {
    case Side::go_short:
      return "short";
    case Side::flat:
      return "flat";
    case Side::go_long:
      return "long";
  }
  return "unknown side";
}

TFAStrategy::TFAStrategy(const TFACfg& cfg) : TFAStrategy(cfg, Bundle::load(checked(cfg).folder())) {}

TFAStrategy::TFAStrategy(const TFACfg& cfg, std::shared_ptr<const Bundle> bundle)
    : cfg_(checked(cfg)),
      session_(bundle, {.interval_ns = cfg.interval_ns.value_or(bundle->manifest().interval_ns)}) {}

Signal TFAStrategy::on_bar(const Bar& bar) noexcept {
  const Outcome outcome = session_.on_bar(bar);
  if (is_refusal(outcome.status)) return {.status = outcome.status};
  const bool resting = cooldown_left_ > 0;
  if (resting) --cooldown_left_;
  if (!outcome.prediction) return {.status = outcome.status};

  const Prediction& prediction = *outcome.prediction;
  const auto probability = prediction.probability();
  const double strength = probability ? std::fabs(2.0 * *probability - 1.0) : std::fabs(prediction.value);
  const Side side = resting ? Side::flat : side_of(prediction, strength);
  if (side != Side::flat) cooldown_left_ = cfg_.cooldown_bars;
  return {outcome.status, side, strength, outcome.prediction};
}

Side TFAStrategy::side_of(const Prediction& prediction, double strength) const noexcept {
  const auto probability = prediction.probability();
  const double score = probability.value_or(prediction.value);
  const double buy = probability ? cfg_.buy_probability : cfg_.buy_return;
  const double sell = probability ? cfg_.sell_probability : cfg_.sell_return;
  if (strength < cfg_.confidence_floor) return Side::flat;
  if (score > buy) return Side::go_long;
  if (score < sell) return Side::go_short;
  return Side::flat;
}

}  // namespace sentio
