// From predictions to signals.
#include "sentio/strategy_tfa.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>

#include "runtime/required.hpp"
#include "runtime/state_frame.hpp"
#include "runtime/workspace.hpp"
#include "sentio/error.hpp"
#include "state_archive.hpp"
#include "text.hpp"

namespace sentio {
namespace {

constexpr StateFormat kFormat{.magic = "SENTIOTF", .version = 1, .what = "the strategy's state"};

bool is_probability(double value) {
  return value >= 0.0 && value <= 1.0;
}

TFACfg checked(const TFACfg& cfg, const BundleManifest& manifest) {
  std::vector<Problem> problems;
  const auto require = [&](bool kept, const char* field, const char* message) {
    if (!kept) problems.push_back({field, message});
  };
  require(is_probability(cfg.buy_probability), "buy_probability", "is outside [0, 1]");
  require(is_probability(cfg.sell_probability), "sell_probability", "is outside [0, 1]");
  // Of classes a third may be likely, so that both thresholds may be low.
  require(manifest.output == OutputKind::classes || cfg.sell_probability <= cfg.buy_probability,
          "sell_probability", "is above buy_probability");
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

std::size_t place_of(const BundleManifest& manifest, std::string_view name) {
  const auto& classes = manifest.classes;
  const auto place = std::find(classes.begin(), classes.end(), name);
  if (place == classes.end()) {
    throw Error(ErrorCode::bad_argument, "the strategy tfa needs a class '" + std::string(name) + "'; " +
                                             manifest.model_id + " " + manifest.version + " has " +
                                             join(classes));
  }
  return static_cast<std::size_t>(place - classes.begin());
}

// What the thresholds are compared with.
std::string judged_by(const BundleManifest& manifest) {
  if (manifest.output == OutputKind::classes) return "the classes up and down";
  if (manifest.output == OutputKind::forward_return) return "the return " + manifest.label;
  return "the probability of a rise";
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

std::shared_ptr<const Bundle> TFACfg::load_bundle(const LoadOptions& load) const {
  auto bundle = Bundle::load(folder(), load);
  const BundleManifest& manifest = bundle->manifest();
  if (manifest.model_id != model_id || manifest.version != version) {
    throw Error(ErrorCode::bad_argument, folder().string() + ": holds the bundle " + manifest.model_id + " " +
                                             manifest.version + ", not " + model_id + " " + version);
  }
  return bundle;
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

TFAStrategy::Places::Places(const BundleManifest& manifest) {
  if (manifest.output != OutputKind::classes) return;
  up = place_of(manifest, "up");
  down = place_of(manifest, "down");
}

TFAStrategy::TFAStrategy(const TFACfg& cfg, const LoadOptions& load)
    : TFAStrategy(cfg, cfg.load_bundle(load)) {}

TFAStrategy::TFAStrategy(const TFACfg& cfg, std::shared_ptr<const Bundle> bundle)
    : cfg_(checked(cfg, required(bundle)->manifest())),
      places_(bundle->manifest()),
      session_(bundle, {.interval_ns = cfg.interval_ns, .record = cfg.record}) {}

Signal TFAStrategy::on_bar(const Bar& bar) noexcept {
  const Signal signal = signal_of(session_.on_bar(bar));
  if (is_refusal(signal.status)) return signal;
  if (cooldown_left_ > 0) --cooldown_left_;
  if (signal.side != Side::flat) cooldown_left_ = cfg_.cooldown_bars;
  return signal;
}

Signal TFAStrategy::peek(const Bar& bar) noexcept {
  return signal_of(session_.peek(bar));
}

Status TFAStrategy::observe(const Bar& bar) noexcept {
  const Status status = session_.observe(bar);
  if (!is_refusal(status) && cooldown_left_ > 0) --cooldown_left_;
  return status;
}

void TFAStrategy::warm_up(const BarColumns& history) {
  session_.warm_up(history);
  cooldown_left_ -= std::min(cooldown_left_, static_cast<std::int64_t>(history.size()));
}

std::vector<std::byte> TFAStrategy::state() const {
  std::vector<std::byte> bytes = begin_state(kFormat);
  StateArchive archive(bytes);
  std::int64_t cooldown = cooldown_left_;
  archive(cooldown);
  const auto session = session_.state();
  bytes.insert(bytes.end(), session.begin(), session.end());
  seal_state(bytes);
  return bytes;
}

void TFAStrategy::restore(std::span<const std::byte> state) {
  std::int64_t cooldown = 0;
  if (is_state(state, kFormat)) {
    state = open_state(state, kFormat);
    StateArchive archive(state);
    archive(cooldown, 0, std::numeric_limits<std::int64_t>::max());
    state = state.last(archive.left());
  }
  session_.restore(state);
  cooldown_left_ = cooldown;
}

TFAStrategy TFAStrategy::clone() const {
  TFACfg cfg = cfg_;
  cfg.record.clear();
  TFAStrategy other(cfg, session_.bundle().shared_from_this());
  other.session_ = session_.clone();
  other.cooldown_left_ = cooldown_left_;
  return other;
}

std::shared_ptr<const Bundle> TFAStrategy::swap(std::shared_ptr<const Bundle> bundle) {
  const BundleManifest &is = session_.bundle().manifest(), &other = required(bundle)->manifest();
  if (judged_by(is) != judged_by(other)) {
    throw Error(ErrorCode::bad_argument, "the thresholds are for " + judged_by(is) + "; " + other.model_id +
                                             " " + other.version + " is judged by " + judged_by(other) +
                                             ", so a strategy of it must be warmed up");
  }
  const Places places(other);
  auto before = session_.swap(std::move(bundle));
  places_ = places;
  return before;
}

std::shared_ptr<const Bundle> TFAStrategy::swap(TFAStrategy&& warmed) {
  auto before = session_.swap(std::move(warmed.session_));
  warmed.cfg_.record = std::move(cfg_.record);
  cfg_ = std::move(warmed.cfg_);
  places_ = warmed.places_;
  return before;
}

Signal TFAStrategy::signal_of(const Outcome& outcome) const noexcept {
  if (!outcome.prediction) return {.status = outcome.status};
  auto [side, strength] = judge(*outcome.prediction);
  if (cooldown_left_ > 0 || strength < cfg_.confidence_floor) side = Side::flat;
  return {outcome.status, side, strength, outcome.prediction};
}

TFAStrategy::Judgement TFAStrategy::judge(const Prediction& prediction) const noexcept {
  const auto side_of = [](bool is_long, bool is_short) {
    return is_long ? Side::go_long : is_short ? Side::go_short : Side::flat;
  };
  if (prediction.kind == OutputKind::classes) {
    const Outputs shares = prediction.probabilities();
    const double up = shares[places_.up], down = shares[places_.down];
    return {side_of(up > cfg_.buy_probability && up > down, down > 1.0 - cfg_.sell_probability && down > up),
            std::fabs(up - down)};
  }
  if (const auto rise = prediction.probability()) {
    return {side_of(*rise > cfg_.buy_probability, *rise < cfg_.sell_probability),
            std::fabs(2.0 * *rise - 1.0)};
  }
  const double value = prediction.value;
  return {side_of(value > cfg_.buy_return, value < cfg_.sell_return), std::fabs(value)};
}

}  // namespace sentio
