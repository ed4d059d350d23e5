// A session: engine, window, model, in this order for every bar.
#include "sentio/session.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "fp_environment.hpp"
#include "runtime/interval.hpp"
#include "runtime/record.hpp"
#include "runtime/required.hpp"
#include "sentio/error.hpp"
#include "session_rule.hpp"

namespace sentio {
namespace {

bool has_nan(const Bar& bar) noexcept {
  return std::isnan(bar.open) || std::isnan(bar.high) || std::isnan(bar.low) || std::isnan(bar.close) ||
         std::isnan(bar.volume);
}

Status status_of(BarFault fault, const Bar& bar) noexcept {
  if (fault != BarFault::not_later && has_nan(bar)) return Status::not_a_number;
  switch (fault) {
    case BarFault::none:
      break;
    case BarFault::not_later:
      return Status::not_later;
    case BarFault::price_range:
      return Status::price_range;
    case BarFault::high_low:
      return Status::high_low;
    case BarFault::volume_range:
      return Status::volume_range;
  }
  return Status::warming_up;
}

}  // namespace

std::string_view describe(Status status) noexcept {
  switch (status) {
    case Status::predicted:
      return "predicted";
    case Status::warming_up:
      return "the window is not full of valid rows yet";
    case Status::model_failed:
      return "the model failed, or its output is not a number, or no probability where it is to be one";
    case Status::too_early:
      return "it follows the bar before by less than the bundle's interval";
    case Status::not_a_number:
      return "a price or the volume is NaN";
    case Status::not_later:
      return describe(BarFault::not_later);
    case Status::price_range:
      return describe(BarFault::price_range);
    case Status::high_low:
      return describe(BarFault::high_low);
    case Status::volume_range:
      return describe(BarFault::volume_range);
  }
  return "unknown status";
}

Session::Window::Window(const WindowShape& shape)
    : rows_(static_cast<std::size_t>(shape.seq_len)),
      width_(static_cast<std::size_t>(shape.n_features)),
      values_(2 * shape.size()) {}

void Session::Window::write(std::span<const float> row) noexcept {
  for (const std::size_t place : {next_, next_ + rows_}) {
    std::copy(row.begin(), row.end(), values_.begin() + static_cast<std::ptrdiff_t>(place * width_));
  }
}

void Session::Window::push(std::span<const float> row) noexcept {
  write(row);
  next_ = next_ + 1 == rows_ ? 0 : next_ + 1;
  count_ = std::min(count_ + 1, rows_);
}

void Session::Window::undo(std::span<const float> oldest, std::size_t count) noexcept {
  next_ = (next_ == 0 ? rows_ : next_) - 1;
  write(oldest);
  count_ = count;
}

std::span<const float> Session::Window::values() const noexcept {
  return std::span(values_).subspan(next_ * width_, rows_ * width_);
}

std::span<const float> Session::Window::oldest() const noexcept {
  return values().first(width_);
}

std::span<const float> Session::Window::newest() const noexcept {
  return values().last(count_ * width_);
}

Session Session::load(const std::filesystem::path& folder, const SessionOptions& options,
                      const LoadOptions& load) {
  return Session(Bundle::load(folder, load), options);
}

Session::Session(std::shared_ptr<const Bundle> bundle, const SessionOptions& options)
    : bundle_(required(std::move(bundle))),
      engine_(bundle_->plan()),
      window_(bundle_->manifest().window),
      drift_(bundle_->manifest().drift),
      row_(bundle_->plan()->width()),
      forming_(row_.size()),
      replaced_(row_.size()) {
  const BundleManifest& manifest = bundle_->manifest();
  if (options.interval_ns <= 0) {
    throw Error(ErrorCode::bad_argument,
                "the feed's interval was not said: set interval_ns, for this bundle to " +
                    std::to_string(manifest.interval_ns) + " (" + manifest.interval + ")");
  }
  if (options.interval_ns != manifest.interval_ns) {
    throw Error(ErrorCode::bad_argument, "the feed's bars are of " + interval_text(options.interval_ns) +
                                             ", the bundle's are of " + manifest.interval);
  }
  if (options.record.empty()) return;
  StateRecord start = state_record();
  recorder_ = std::make_unique<RecordWriter>(options.record);
  recorder_->write_state(std::move(start));
}

Session::Session(const Session& other)
    : bundle_(other.bundle_),
      engine_(other.engine_),
      window_(other.window_),
      drift_(other.drift_),
      row_(other.row_),
      forming_(other.forming_),
      replaced_(other.replaced_),
      closer_seen_(other.closer_seen_),
      bars_missing_(other.bars_missing_),
      failure_(other.failure_) {}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

// Every change but a bar's ends here. What may throw comes before anything changes, of `other` too. The
// record is this session's own.
void Session::go_on_as(Session&& other) {
  std::optional<StateRecord> record;
  if (recorder_) record = other.state_record();
  other.recorder_ = std::move(recorder_);
  *this = std::move(other);
  if (record) recorder_->write_state(std::move(*record));
}

StateRecord Session::state_record() const {
  return {bundle_->id(), bundle_->manifest().n_outputs(), row_.size(), state()};
}

void Session::record_bar(const Bar& bar, bool asked, const Outcome& outcome) noexcept {
  if (recorder_ && !is_refusal(outcome.status)) recorder_->write_bar(bar, asked, outcome, row_);
}

void Session::reset_drift() {
  Session next(*this);
  next.drift_.reset();
  go_on_as(std::move(next));
}

std::error_code Session::recording_error() const noexcept {
  return recorder_ ? recorder_->error() : std::error_code();
}

void Session::warm_up(const BarColumns& history) {
  Session next(*this);
  for (std::size_t i = 0; i < history.size(); ++i) {
    const Status status = next.advance(history[i]);
    if (is_refusal(status)) {
      throw Error(ErrorCode::bad_bars, "bar " + std::to_string(i) + ": " + std::string(describe(status)));
    }
  }
  go_on_as(std::move(next));
}

bool Session::is_too_early(const Bar& bar) const noexcept {
  const auto before = engine_.last_ts();
  return before && bar.ts > *before &&
         is_closer_than(*before, bar.ts, shortest_step(bundle_->manifest().interval_ns));
}

Status Session::observe(const Bar& bar) noexcept {
  const Status status = take(bar);
  record_bar(bar, false, {status});
  return status;
}

Status Session::take(const Bar& bar) noexcept {
  const Status status = advance(bar);
  if (!is_refusal(status) && has_valid_row()) drift_.count(row_);
  return status;
}

Status Session::advance(const Bar& bar) noexcept {
  if (is_too_early(bar)) return Status::too_early;
  const auto before = engine_.last_ts();
  if (const BarFault fault = engine_.step(bar, row_); fault != BarFault::none) return status_of(fault, bar);

  failure_ = nullptr;
  if (before && opens_session_after(*before, bar.ts, closer_seen_)) window_.clear();
  if (before) bars_missing_ += missing_between(*before, bar.ts);
  if (has_valid_row()) window_.push(row_);
  return window_.full() ? Status::predicted : Status::warming_up;
}

// Whether the window must begin anew with the bar at `ts`.
bool Session::opens_session_after(std::int64_t before, std::int64_t ts, bool& closer_seen) const noexcept {
  const double session_gap = gap_seconds(0, bundle_->plan()->session_gap());
  return opens_session(gap_seconds(before, ts), session_gap, closer_seen) &&
         !bundle_->manifest().windows_cross_sessions;
}

std::optional<std::int64_t> Session::bars_missing() const noexcept {
  const std::int64_t interval = bundle_->manifest().interval_ns;
  const bool is_gap_of_one_seen = interval < bundle_->plan()->session_gap() - interval;
  return is_gap_of_one_seen ? std::optional(bars_missing_) : std::nullopt;
}

std::int64_t Session::missing_between(std::int64_t before, std::int64_t ts) const noexcept {
  if (!is_closer_than(before, ts, bundle_->plan()->session_gap())) return 0;
  // On the day on which the clocks go forward, bars of a day are 23 hours apart.
  return std::max<std::int64_t>((ts - before) / bundle_->manifest().interval_ns - 1, 0);
}

Outcome Session::on_bar(const Bar& bar) noexcept {
  const Status status = take(bar);
  const Outcome outcome = status == Status::predicted ? predict(window_.values(), bar.ts) : Outcome{status};
  record_bar(bar, true, outcome);
  return outcome;
}

Outcome Session::peek(const Bar& bar) noexcept {
  if (is_too_early(bar)) return {Status::too_early};
  const auto before = engine_.last_ts();
  BarFault fault{};
  try {
    fault = engine_.peek(bar, forming_);
  } catch (const std::bad_alloc&) {  // for the copies of what remembers, which are made when first asked for
    failure_ = std::current_exception();
    return {Status::model_failed};
  }
  if (fault != BarFault::none) return {status_of(fault, bar)};
  if (engine_.bars_seen() < bundle_->plan()->first_valid_row()) return {Status::warming_up};

  const std::size_t count = window_.count();
  std::copy_n(window_.oldest().begin(), replaced_.size(), replaced_.begin());
  bool closer_seen = closer_seen_;
  if (before && opens_session_after(*before, bar.ts, closer_seen)) window_.clear();
  window_.push(forming_);
  const Outcome outcome = window_.full() ? predict(window_.values(), bar.ts) : Outcome{Status::warming_up};
  window_.undo(replaced_, count);
  return outcome;
}

Outcome Session::predict(std::span<const float> window, std::int64_t bar_ts) noexcept {
  failure_ = nullptr;
  std::array<float, kMostOutputs> values;
  const auto outputs = std::span(values).first(bundle_->manifest().n_outputs());
  try {
    const FloatingPointMode mode;
    bundle_->model().run(window, outputs);
  } catch (...) {  // a host's own model may throw anything, this function nothing
    failure_ = std::current_exception();
    return {Status::model_failed};
  }
  return outcome_of(outputs, bar_ts);
}

Outcome Session::outcome_of(std::span<const float> outputs, std::int64_t bar_ts) const noexcept {
  const BundleManifest& manifest = bundle_->manifest();
  const bool is_share = manifest.output == OutputKind::probability;
  for (const float output : outputs) {
    if (!std::isfinite(output) || (is_share && !(output >= 0 && output <= 1))) return {Status::model_failed};
  }
  const bool has_classes = !manifest.classes.empty();
  return {Status::predicted,
          Prediction{.value = has_classes ? std::numeric_limits<double>::quiet_NaN() : outputs.front(),
                     .kind = manifest.output,
                     .horizon = manifest.horizon,
                     .bar_ts = bar_ts,
                     .model_id = manifest.model_id,
                     .version = manifest.version,
                     .bundle_id = bundle_->id(),
                     .values = Outputs(outputs),
                     .classes = manifest.classes}};
}

std::shared_ptr<const Bundle> Session::swap(std::shared_ptr<const Bundle> bundle) {
  Session next(*this);
  next.bundle_ = required(std::move(bundle));
  const BundleManifest &is = bundle_->manifest(), &other = next.bundle_->manifest();
  std::vector<Problem> problems;
  const auto require = [&](bool same, const char* what) {
    if (!same) problems.push_back({what, "differs"});
  };
  require(is.interval_ns == other.interval_ns, "interval");
  require(is.spec_hash == other.spec_hash, "spec hash");
  require(is.window.seq_len == other.window.seq_len, "sequence length");
  require(is.windows_cross_sessions == other.windows_cross_sessions, "windows_cross_sessions");
  if (!problems.empty()) {
    throw Error(ErrorCode::bad_argument,
                other.model_id + " " + other.version +
                    " has another input than the bundle at hand, so a session of it must be warmed up",
                std::move(problems));
  }
  next.drift_ = Drift(other.drift);
  next.failure_ = nullptr;
  auto before = bundle_;
  go_on_as(std::move(next));
  return before;
}

std::shared_ptr<const Bundle> Session::swap(Session&& warmed) {
  if (&warmed == this || warmed.bundle_ == nullptr) {
    throw Error(ErrorCode::bad_argument, "a session goes on as another, which was not moved from");
  }
  if (warmed.bundle().manifest().interval_ns != bundle_->manifest().interval_ns) {
    throw Error(ErrorCode::bad_argument, "the other session's bars are of " +
                                             warmed.bundle().manifest().interval + ", these are of " +
                                             bundle_->manifest().interval);
  }
  if (warmed.last_ts() != last_ts()) {
    throw Error(ErrorCode::bad_argument,
                "the other session's last bar is another: warm it up to the bar at " +
                    (last_ts() ? std::to_string(*last_ts()) : std::string("the very beginning")));
  }
  if (recorder_ && warmed.row_.size() != row_.size()) {
    throw Error(ErrorCode::bad_argument, "a record holds one number of features, and the other session has " +
                                             std::to_string(warmed.row_.size()) + " for " +
                                             std::to_string(row_.size()));
  }
  auto before = bundle_;
  go_on_as(std::move(warmed));
  return before;
}

}  // namespace sentio
