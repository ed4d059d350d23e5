// A session: engine, window, model, in this order for every bar.
#include "sentio/session.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "fp_environment.hpp"
#include "runtime/interval.hpp"
#include "sentio/error.hpp"
#include "session_rule.hpp"

namespace sentio {
namespace {

Status status_of(BarFault fault) noexcept {
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
      return "the model failed or its output is not a number";
    case Status::too_early:
      return "it follows the bar before by less than the bundle's interval";
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

std::optional<double> Prediction::probability() const noexcept {
  if (kind != OutputKind::logit) return std::nullopt;
  return 1.0 / (1.0 + std::exp(-value));
}

Session::Window::Window(const WindowShape& shape)
    : rows_(static_cast<std::size_t>(shape.seq_len)),
      width_(static_cast<std::size_t>(shape.n_features)),
      values_(2 * shape.size()) {}

void Session::Window::push(std::span<const float> row) noexcept {
  for (const std::size_t place : {next_, next_ + rows_}) {
    std::copy(row.begin(), row.end(), values_.begin() + static_cast<std::ptrdiff_t>(place * width_));
  }
  next_ = next_ + 1 == rows_ ? 0 : next_ + 1;
  count_ = std::min(count_ + 1, rows_);
}

std::span<const float> Session::Window::values() const noexcept {
  return std::span(values_).subspan(next_ * width_, rows_ * width_);
}

Session Session::load(const std::filesystem::path& folder, const SessionOptions& options) {
  return Session(Bundle::load(folder), options);
}

Session::Session(std::shared_ptr<const Bundle> bundle, const SessionOptions& options)
    : bundle_(std::move(bundle)),
      engine_(bundle_->plan()),
      window_(bundle_->manifest().window),
      row_(bundle_->plan()->width()) {
  const BundleManifest& manifest = bundle_->manifest();
  if (options.interval_ns && *options.interval_ns != manifest.interval_ns) {
    throw Error(ErrorCode::bad_argument, "the feed's bars are " + std::to_string(*options.interval_ns) +
                                             " ns long, the bundle's are " +
                                             std::to_string(manifest.interval_ns) + " ns (" +
                                             manifest.interval + ")");
  }
}

void Session::warm_up(const BarColumns& history) {
  Session next(*this);
  for (std::size_t i = 0; i < history.size(); ++i) {
    const Status status = next.observe(history[i]);
    if (is_refusal(status)) {
      throw Error(ErrorCode::bad_bars, "bar " + std::to_string(i) + ": " + std::string(describe(status)));
    }
  }
  *this = std::move(next);
}

void Session::restore(std::span<const std::byte> engine_state) {
  engine_.restore(engine_state);
  window_.clear();
  // Whether two bars were ever closer than the gap is not in the snapshot; a feed whose interval is shorter
  // has had such two, unless it held hardly a bar a session.
  closer_seen_ = engine_.bars_seen() > 1 && bundle_->manifest().interval_ns < bundle_->plan()->session_gap();
}

Status Session::observe(const Bar& bar) noexcept {
  const BundleManifest& manifest = bundle_->manifest();
  const Plan& plan = *bundle_->plan();
  const auto before = engine_.last_ts();
  if (before && bar.ts > *before && is_closer_than(*before, bar.ts, shortest_step(manifest.interval_ns))) {
    return Status::too_early;
  }
  if (const BarFault fault = engine_.step(bar, row_); fault != BarFault::none) return status_of(fault);

  if (before &&
      opens_session(gap_seconds(*before, bar.ts), gap_seconds(0, plan.session_gap()), closer_seen_) &&
      !manifest.windows_cross_sessions) {
    window_.clear();
  }
  if (engine_.bars_seen() > plan.first_valid_row()) window_.push(row_);
  return window_.full() ? Status::predicted : Status::warming_up;
}

Outcome Session::on_bar(const Bar& bar) noexcept {
  const Status status = observe(bar);
  if (status != Status::predicted) return {status};
  failure_ = nullptr;
  float value = 0;
  try {
    const FloatingPointMode mode;
    bundle_->model().run(window_.values(), {&value, 1});
  } catch (...) {  // a host's own model may throw anything, this function nothing
    failure_ = std::current_exception();
    return {Status::model_failed};
  }
  if (!std::isfinite(value)) return {Status::model_failed};
  const BundleManifest& manifest = bundle_->manifest();
  return {status, Prediction{double{value}, manifest.output, manifest.horizon, bar.ts}};
}

}  // namespace sentio
