// Gathering windows, asking once, and handing the answers out.
#include "sentio/session_batch.hpp"

#include <algorithm>
#include <string>

#include "fp_environment.hpp"
#include "runtime/required.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

// More symbols than any market has; below it, no product of sizes overflows.
constexpr std::size_t kMostSessions = std::size_t{1} << 20;

std::size_t checked(std::size_t most) {
  if (most >= 1 && most <= kMostSessions) return most;
  throw Error(ErrorCode::bad_argument, "there is to be room for " + std::to_string(most) +
                                           " sessions; allowed is 1 to " + std::to_string(kMostSessions));
}

}  // namespace

SessionBatch::SessionBatch(std::shared_ptr<const Bundle> bundle, std::size_t most)
    : bundle_(required(std::move(bundle))),
      most_(checked(most)),
      windows_(most * bundle_->manifest().window.size()),
      outputs_(most * bundle_->manifest().n_outputs()) {
  waiting_.reserve(most);
}

void SessionBatch::on_bars(std::span<Session* const> sessions, std::span<const Bar> bars,
                           std::span<Outcome> outcomes) {
  if (sessions.size() != bars.size() || bars.size() != outcomes.size() || bars.size() > most_) {
    throw Error(ErrorCode::bad_argument, std::to_string(sessions.size()) + " sessions, " +
                                             std::to_string(bars.size()) + " bars and " +
                                             std::to_string(outcomes.size()) +
                                             " outcomes do not belong together, or are more than the " +
                                             std::to_string(most_) + " that there is room for");
  }
  if (!bundle_->model().is_batch_exact()) {
    for (std::size_t k = 0; k < bars.size(); ++k) outcomes[k] = sessions[k]->on_bar(bars[k]);
    return;
  }
  ask(sessions, bars, outcomes);
}

void SessionBatch::ask(std::span<Session* const> sessions, std::span<const Bar> bars,
                       std::span<Outcome> outcomes) noexcept {
  for (std::size_t k = 0; k < bars.size(); ++k) {
    Session& session = *sessions[k];
    if (session.in_batch_) answer(sessions, bars, outcomes);  // its second bar in this call
    if (&session.bundle() != bundle_.get()) {
      outcomes[k] = session.on_bar(bars[k]);
      continue;
    }
    outcomes[k] = {session.take(bars[k])};
    if (outcomes[k].status != Status::predicted) {
      session.record_bar(bars[k], true, outcomes[k]);
      continue;
    }
    std::ranges::copy(session.window_.values(), window(waiting_.size()).begin());
    waiting_.push_back(k);
    session.in_batch_ = true;
  }
  answer(sessions, bars, outcomes);
}

void SessionBatch::answer(std::span<Session* const> sessions, std::span<const Bar> bars,
                          std::span<Outcome> outcomes) noexcept {
  const std::size_t count = waiting_.size(), n_outputs = bundle_->manifest().n_outputs();
  bool answered = false;
  try {
    const FloatingPointMode mode;
    if (count > 0) {
      bundle_->model().run(std::span(windows_).first(count * bundle_->manifest().window.size()),
                           std::span(outputs_).first(count * n_outputs));
    }
    answered = true;
  } catch (...) {  // for one of them, or for all: each is asked by itself, and told
  }
  for (std::size_t place = 0; place < count; ++place) {
    const std::size_t k = waiting_[place];
    Session& session = *sessions[k];
    outcomes[k] =
        answered ? session.outcome_of(std::span(outputs_).subspan(place * n_outputs, n_outputs), bars[k].ts)
                 : session.predict(window(place), bars[k].ts);
    session.record_bar(bars[k], true, outcomes[k]);
    session.in_batch_ = false;
  }
  waiting_.clear();
}

std::span<float> SessionBatch::window(std::size_t place) noexcept {
  const std::size_t size = bundle_->manifest().window.size();
  return std::span(windows_).subspan(place * size, size);
}

}  // namespace sentio
