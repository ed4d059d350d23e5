// Sessions in C.
#include <cmath>
#include <limits>

#include "c_interface/handles.hpp"

static_assert(SENTIO_MOST_OUTPUTS == sentio::kMostOutputs);

namespace sentio::c {

sentio_kind kind_of(OutputKind kind) noexcept {
  switch (kind) {
    case OutputKind::logit:
      return SENTIO_LOGIT;
    case OutputKind::probability:
      return SENTIO_PROBABILITY;
    case OutputKind::forward_return:
      return SENTIO_RETURN;
    case OutputKind::classes:
      break;
  }
  return SENTIO_CLASSES;
}

sentio_outcome to_c(const Outcome& outcome, const Bundle& bundle, std::int64_t ts) noexcept {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const BundleManifest& manifest = bundle.manifest();
  sentio_outcome own{};
  own.status = status_of(outcome.status);
  own.value = own.probability = kNaN;
  own.kind = kind_of(manifest.output);
  own.horizon = manifest.horizon;
  own.bar_ts = ts;
  own.model_id = manifest.model_id.c_str();
  own.version = manifest.version.c_str();
  own.bundle_id = bundle.id().c_str();
  const std::size_t count = manifest.n_outputs();
  own.n_outputs = static_cast<std::uint32_t>(count);
  std::fill_n(own.values, count, kNaN);
  std::fill_n(own.probabilities, count, kNaN);
  if (outcome.prediction) {
    const Outputs values = outcome.prediction->values;
    const Outputs probabilities = outcome.prediction->probabilities();
    own.value = outcome.prediction->value;
    own.probability = outcome.prediction->probability().value_or(kNaN);
    std::ranges::copy(values.span(), own.values);
    std::ranges::copy(probabilities.span(), own.probabilities);
  }
  return own;
}

}  // namespace sentio::c

using namespace sentio::c;

namespace {

sentio_session* handed_out(sentio::Session session) {
  return std::make_unique<sentio_session>(std::move(session)).release();
}

// Without a try around it: nothing here throws.
template <class Take>
sentio_result take(sentio_session* session, const sentio_bar* bar, sentio_outcome* outcome,
                   Take&& call) noexcept {
  if (session == nullptr || !session->own || bar == nullptr || !has_size(outcome)) {
    return fail(SENTIO_BAD_ARGUMENT,
                "session, bar or outcome is NULL, the session a strategy's, or the outcome's struct_size not "
                "its sizeof");
  }
  const sentio::Outcome found = call(*session->own, from_c(*bar));
  write_struct(to_c(found, session->read.bundle(), bar->ts), outcome);
  tell_failure(found.status, session->read);
  return SENTIO_OK;
}

}  // namespace

sentio_result sentio_session_new(const sentio_bundle* bundle, const sentio_options* options,
                                 sentio_session** session) noexcept {
  return guarded([&] {
    require(bundle != nullptr && session != nullptr, "bundle or session is NULL");
    const sentio_options own = read_struct(options);
    *session = handed_out(
        sentio::Session(bundle->bundle, {.interval_ns = own.interval_ns, .record = record_of(own.record)}));
  });
}

sentio_result sentio_session_clone(const sentio_session* session, sentio_session** clone) noexcept {
  return guarded([&] {
    require(session != nullptr && clone != nullptr, "session or clone is NULL");
    *clone = handed_out(session->read.clone());
  });
}

void sentio_session_free(sentio_session* session) noexcept {
  const std::unique_ptr<sentio_session> last(session);
}

sentio_result sentio_session_warm_up(sentio_session* session, const sentio_bar* bars, size_t count) noexcept {
  return guarded([&] { warm_up(owned(session), bars, count); });
}

sentio_result sentio_session_state(const sentio_session* session, void* state, size_t capacity,
                                   size_t* size) noexcept {
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    save(session->read, state, capacity, size);
  });
}

sentio_result sentio_session_restore(sentio_session* session, const void* state, size_t size) noexcept {
  return guarded([&] { restore(owned(session), state, size); });
}

sentio_result sentio_session_on_bar(sentio_session* session, const sentio_bar* bar,
                                    sentio_outcome* outcome) noexcept {
  return take(session, bar, outcome,
              [](sentio::Session& taker, const sentio::Bar& b) { return taker.on_bar(b); });
}

sentio_result sentio_session_peek(sentio_session* session, const sentio_bar* bar,
                                  sentio_outcome* outcome) noexcept {
  return take(session, bar, outcome,
              [](sentio::Session& taker, const sentio::Bar& b) { return taker.peek(b); });
}

sentio_result sentio_session_observe(sentio_session* session, const sentio_bar* bar,
                                     sentio_status* status) noexcept {
  return guarded([&] { observe(owned(session), bar, status); });
}

sentio_result sentio_session_features(const sentio_session* session, float* features, size_t count) noexcept {
  return guarded([&] {
    require(session != nullptr && features != nullptr, "session or features is NULL");
    const auto values = session->read.features();
    require(count == values.size(), "count is not the number of features");
    std::copy(values.begin(), values.end(), features);
  });
}

sentio_result sentio_session_get_info(const sentio_session* session, sentio_session_info* info) noexcept {
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    require_output(info);
    sentio_session_info own{};
    const auto last_ts = session->read.last_ts();
    own.has_last_ts = last_ts ? 1 : 0;
    own.last_ts = last_ts.value_or(0);
    own.bars_seen = session->read.bars_seen();
    own.bars_missing = session->read.bars_missing().value_or(-1);
    write_struct(own, info);
  });
}

sentio_result sentio_session_bundle(const sentio_session* session, sentio_bundle** bundle) noexcept {
  return guarded([&] {
    require(session != nullptr && bundle != nullptr, "session or bundle is NULL");
    *bundle = handed_out(session->read.bundle().shared_from_this());
  });
}

sentio_result sentio_session_recording_error(const sentio_session* session) noexcept {
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    if (const auto error = session->read.recording_error()) throw std::system_error(error, "recording ended");
  });
}

sentio_result sentio_session_get_drift(const sentio_session* session, int64_t feature,
                                       sentio_drift* drift) noexcept {
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    require_output(drift);
    const sentio::Drift& counted = session->read.drift();
    const sentio::FeatureDrift found = counted.feature(place_of(feature, counted.width()));
    sentio_drift own{};
    own.rows = found.rows;
    own.below_min = found.below_min;
    own.above_max = found.above_max;
    std::copy(found.bins.begin(), found.bins.end(), own.bins);
    own.out_of_range = found.out_of_range;
    own.psi = found.psi;
    write_struct(own, drift);
  });
}

sentio_result sentio_session_reset_drift(sentio_session* session) noexcept {
  return guarded([&] { owned(session).reset_drift(); });
}

sentio_result sentio_session_swap(sentio_session* session, const sentio_bundle* bundle) noexcept {
  return guarded([&] {
    require(bundle != nullptr, "bundle is NULL");
    (void)owned(session).swap(bundle->bundle);
  });
}

sentio_result sentio_session_swap_warmed(sentio_session* session, sentio_session** warmed) noexcept {
  return guarded([&] {
    require(warmed != nullptr && *warmed != nullptr, "warmed is NULL");
    require(session != *warmed, "a session cannot go on as itself");
    (void)owned(session).swap(std::move(owned(*warmed)));
    sentio_session_free(*warmed);
    *warmed = nullptr;
  });
}
