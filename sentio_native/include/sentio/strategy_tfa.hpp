// The strategy `tfa`: a bundle's predictions as signals to go long or short, or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sentio/export.hpp"
#include "sentio/session.hpp"

namespace sentio {

// Everything that decides whether a prediction becomes a signal.
struct SENTIO_API TFACfg {
  // Which bundle, see folder().
  std::string model_id = "TFA";
  std::string version = "v1";
  // ROOT; empty: SENTIO_ROOT, else the nearest parent of the working directory with specs/.
  std::filesystem::path root{};
  // The length of the feed's bars in nanoseconds; it must be said, and must be the bundle's.
  std::int64_t interval_ns = 0;
  // As SessionOptions::record; Session::recording_error says whether it goes on.
  std::filesystem::path record{};

  // Logit or probability, p the probability of a rise: long where p > buy_probability, short where
  // p < sell_probability. Classes, among which must be `up` and `down`: long where P(up) > buy_probability
  // and P(up) > P(down), short where P(down) > 1 - sell_probability and P(down) > P(up).
  double buy_probability = 0.52;
  double sell_probability = 0.48;
  // Where the output is a return, in the label's unit.
  double buy_return = 0.0;
  double sell_return = 0.0;

  // A signal weaker than this (see Signal::strength) is flat.
  double confidence_floor = 0.0;
  // Bars after a signal in which there is no other.
  std::int64_t cooldown_bars = 0;

  // ROOT/artifacts/MODEL_ID/VERSION. Throws Error(missing) where there is no root, Error(bad_argument) where
  // a name would lead elsewhere.
  [[nodiscard]] std::filesystem::path folder() const;
  // The bundle in that folder. Throws as folder() and Bundle::load, and Error(bad_argument) where it is of
  // another model or version than the folder's name says.
  [[nodiscard]] std::shared_ptr<const Bundle> load_bundle(const LoadOptions& load = {}) const;
};

// Flat is no signal at this bar, such as in the cooldown: it does not say that a position should be closed.
enum class Side : std::int8_t { go_short = -1, flat = 0, go_long = 1 };

// "long", "short" or "flat".
[[nodiscard]] SENTIO_API std::string_view describe(Side side) noexcept;

struct Signal {
  Status status = Status::warming_up;  // of the bar
  Side side = Side::flat;
  // By how much the probabilities of a rise and of a fall differ (|2p - 1| where there is one, p), or a
  // return's magnitude.
  double strength = 0;
  std::optional<Prediction> prediction{};
};

// One symbol's strategy; computes features itself. Not thread-safe.
class SENTIO_API TFAStrategy {
 public:
  // Loads and verifies the bundle. Throws as TFACfg::load_bundle, and Error(bad_argument) where the
  // configuration contradicts itself, the feed's interval is not the bundle's, or its classes are others than
  // it needs.
  explicit TFAStrategy(const TFACfg& cfg, const LoadOptions& load = {});
  // The same over a bundle that is loaded already; `root`, `model_id` and `version` are not looked at.
  // Throws Error(bad_argument) where it is null, too.
  TFAStrategy(const TFACfg& cfg, std::shared_ptr<const Bundle> bundle);

  // Take the bar that has just closed. A refused bar changes nothing.
  [[nodiscard]] Signal on_bar(const Bar& bar) noexcept;

  // The signal that on_bar would give if the bar closed as it is now; nothing is committed, see
  // Session::peek.
  [[nodiscard]] Signal peek(const Bar& bar) noexcept;

  // Take a past bar without asking the model, as Session::observe. It passes for the cooldown, too.
  [[nodiscard]] Status observe(const Bar& bar) noexcept;
  // The same for all of them, as Session::warm_up; throws as that does, and nothing has changed then.
  void warm_up(const BarColumns& history);

  // All that signals depend on but the configuration, as bytes: docs/reference/session_state.md.
  [[nodiscard]] std::vector<std::byte> state() const;
  // Go on from such bytes; from a session's or an engine's, as Session::restore, with no cooldown left.
  // Throws Error(bad_state), and changes nothing, where they are damaged or not of this bundle's spec and
  // window.
  void restore(std::span<const std::byte> state);

  // Another strategy that goes on from here by itself, cooldown and all, and records nothing.
  [[nodiscard]] TFAStrategy clone() const;

  // Go on with another bundle, from the next bar on, as Session::swap; the configuration and the cooldown
  // stay. Throws as that does, and Error(bad_argument) where the configuration's thresholds are not for the
  // other's outputs: classes for a rise, another label's returns, or classes without up and down. Nothing has
  // changed then.
  std::shared_ptr<const Bundle> swap(std::shared_ptr<const Bundle> bundle);
  // The same with a strategy of another input or other thresholds, which must have taken the same last bar:
  // its configuration comes with it. This one's cooldown goes on, since its signals were those that were
  // acted upon, and so does its record; one that `warmed` had ends here. `warmed` is as it was where this
  // throws, and moved from else.
  std::shared_ptr<const Bundle> swap(TFAStrategy&& warmed);

  [[nodiscard]] const Session& session() const noexcept { return session_; }
  void reset_drift() { session_.reset_drift(); }
  // As it was made, or as the warmed strategy's that it went on as, which names that one's bundle;
  // session().bundle() is the one that runs.
  [[nodiscard]] const TFACfg& config() const noexcept { return cfg_; }
  // Bars yet to come in which there is no signal.
  [[nodiscard]] std::int64_t cooldown_left() const noexcept { return cooldown_left_; }

 private:
  struct Judgement {
    Side side;
    double strength;
  };
  // The places of the classes `up` and `down`; not looked at where there are none.
  struct Places {
    explicit Places(const BundleManifest& manifest);
    std::size_t up = 0, down = 0;
  };
  [[nodiscard]] Signal signal_of(const Outcome& outcome) const noexcept;
  [[nodiscard]] Judgement judge(const Prediction& prediction) const noexcept;

  TFACfg cfg_;
  Places places_;
  Session session_;  // last: a record is begun for nothing that is refused
  std::int64_t cooldown_left_ = 0;
};

}  // namespace sentio
