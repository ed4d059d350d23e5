// The C interface: exceptions become results, structs are copied as far as both sides know them.
#include "sentio/sentio.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/bar_table.hpp"
#include "sentio/error.hpp"
#include "sentio/session_batch.hpp"

struct sentio_bundle {
  std::shared_ptr<const sentio::Bundle> bundle;
};

struct sentio_session {
  sentio::Session session;
};

struct sentio_batch {
  sentio_batch(std::shared_ptr<const sentio::Bundle> bundle, std::size_t most)
      : batch(std::move(bundle), most), sessions(most), bars(most), outcomes(most) {}

  sentio::SessionBatch batch;
  // What a call hands over, so that it allocates nothing.
  std::vector<sentio::Session*> sessions;
  std::vector<sentio::Bar> bars;
  std::vector<sentio::Outcome> outcomes;
};

static_assert(SENTIO_MOST_OUTPUTS == sentio::kMostOutputs);

namespace {

using sentio::Error;
using sentio::ErrorCode;

thread_local std::string last_error;

sentio_result fail(sentio_result result, const char* text) noexcept {
  try {
    last_error = text;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
  return result;
}

sentio_result result_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::bad_argument:
      return SENTIO_BAD_ARGUMENT;
    case ErrorCode::bad_spec:
      return SENTIO_BAD_SPEC;
    case ErrorCode::bad_bars:
      return SENTIO_BAD_BARS;
    case ErrorCode::bad_state:
      return SENTIO_BAD_STATE;
    case ErrorCode::bad_bundle:
      return SENTIO_BAD_BUNDLE;
    case ErrorCode::corrupt:
      return SENTIO_CORRUPT;
    case ErrorCode::missing:
      return SENTIO_MISSING;
    case ErrorCode::unsupported:
      return SENTIO_UNSUPPORTED;
  }
  return SENTIO_INTERNAL;
}

sentio_status status_of(sentio::Status status) noexcept {
  switch (status) {
    case sentio::Status::predicted:
      return SENTIO_PREDICTED;
    case sentio::Status::warming_up:
      return SENTIO_WARMING_UP;
    case sentio::Status::model_failed:
      return SENTIO_MODEL_FAILED;
    case sentio::Status::not_later:
      return SENTIO_NOT_LATER;
    case sentio::Status::too_early:
      return SENTIO_TOO_EARLY;
    case sentio::Status::not_a_number:
      return SENTIO_NOT_A_NUMBER;
    case sentio::Status::price_range:
      return SENTIO_PRICE_RANGE;
    case sentio::Status::high_low:
      return SENTIO_HIGH_LOW;
    case sentio::Status::volume_range:
      return SENTIO_VOLUME_RANGE;
  }
  return SENTIO_MODEL_FAILED;
}

sentio_kind kind_of(sentio::OutputKind kind) noexcept {
  switch (kind) {
    case sentio::OutputKind::logit:
      return SENTIO_LOGIT;
    case sentio::OutputKind::probability:
      return SENTIO_PROBABILITY;
    case sentio::OutputKind::forward_return:
      return SENTIO_RETURN;
    case sentio::OutputKind::classes:
      break;
  }
  return SENTIO_CLASSES;
}

template <class Call>
sentio_result guarded(Call&& call) noexcept {
  try {
    call();
    return SENTIO_OK;
  } catch (const Error& error) {
    return fail(result_of(error.code()), error.what());
  } catch (const std::system_error& error) {
    return fail(SENTIO_SYSTEM, error.what());
  } catch (const std::bad_alloc&) {
    return fail(SENTIO_SYSTEM, "there is not enough memory");
  } catch (const std::exception& error) {
    return fail(SENTIO_INTERNAL, error.what());
  } catch (...) {
    return fail(SENTIO_INTERNAL, "an exception of an unknown type");
  }
}

void require(bool kept, const char* what) {
  if (!kept) throw Error(ErrorCode::bad_argument, what);
}

// The size of each struct in the first version of this interface; none was ever smaller.
template <class Struct>
constexpr std::size_t kFirstSize = sizeof(Struct);

// As the kernel's copy_struct_from_user: what the caller has and the library does not know must be 0.
template <class Struct>
Struct read_struct(const Struct* from) {
  require(from != nullptr, "a struct is NULL");
  std::uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  require(size >= kFirstSize<Struct>, "struct_size is smaller than the struct: set it to its sizeof");
  const auto* bytes = reinterpret_cast<const unsigned char*>(from);
  const auto is_zero = [](unsigned char byte) { return byte == 0; };
  require(size <= sizeof(Struct) || std::all_of(bytes + sizeof(Struct), bytes + size, is_zero),
          "a struct holds fields that this library is too old to know");
  Struct own{};
  std::memcpy(&own, from, std::min<std::size_t>(size, sizeof own));
  return own;
}

template <class Struct>
bool has_size(const Struct* to) noexcept {
  return to != nullptr && to->struct_size >= kFirstSize<Struct>;
}

// Fields that the caller has and the library does not know become 0.
template <class Struct>
void write_struct(Struct own, Struct* to) noexcept {
  const std::size_t size = to->struct_size;
  own.struct_size = to->struct_size;
  std::memcpy(to, &own, std::min(size, sizeof own));
  if (size > sizeof own) std::memset(reinterpret_cast<unsigned char*>(to) + sizeof own, 0, size - sizeof own);
}

template <class Struct>
void require_output(const Struct* to) {
  require(has_size(to), "a struct is NULL, or its struct_size smaller than it: set it to its sizeof");
}

sentio_session* handed_out(sentio::Session session) {
  return std::make_unique<sentio_session>(sentio_session{std::move(session)}).release();
}

sentio_outcome to_c(const sentio::Outcome& outcome, const sentio::Bundle& bundle, std::int64_t ts) noexcept {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  sentio_outcome own{};
  own.status = status_of(outcome.status);
  own.value = own.probability = kNaN;
  own.kind = kind_of(bundle.manifest().output);
  own.horizon = bundle.manifest().horizon;
  own.bar_ts = ts;
  const std::size_t count = bundle.manifest().n_outputs();
  own.n_outputs = static_cast<std::uint32_t>(count);
  std::fill_n(own.values, count, kNaN);
  std::fill_n(own.probabilities, count, kNaN);
  if (outcome.prediction) {
    const sentio::Outputs values = outcome.prediction->values;
    const sentio::Outputs probabilities = outcome.prediction->probabilities();
    own.value = outcome.prediction->value;
    own.probability = outcome.prediction->probability().value_or(kNaN);
    std::ranges::copy(values.span(), own.values);
    std::ranges::copy(probabilities.span(), own.probabilities);
  }
  return own;
}

sentio::Bar from_c(const sentio_bar& bar) noexcept {
  return {bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume};
}

// Leaves the reason in sentio_last_error, where the model has failed.
void tell_failure(const sentio::Outcome& outcome, const sentio::Session& session) noexcept {
  if (outcome.status != sentio::Status::model_failed) return;
  fail(SENTIO_OK, describe(outcome.status).data());
  if (const auto failure = session.failure()) (void)guarded([&] { std::rethrow_exception(failure); });
}

// Without a try around it: nothing here throws.
template <class Take>
sentio_result take(sentio_session* session, const sentio_bar* bar, sentio_outcome* outcome,
                   Take&& call) noexcept {
  if (session == nullptr || bar == nullptr || !has_size(outcome)) {
    return fail(SENTIO_BAD_ARGUMENT,
                "session, bar or outcome is NULL, or the outcome's struct_size too small");
  }
  const sentio::Outcome found = call(from_c(*bar));
  write_struct(to_c(found, session->session.bundle(), bar->ts), outcome);
  tell_failure(found, session->session);
  return SENTIO_OK;
}

}  // namespace

const char* sentio_version(void) noexcept {
  return SENTIO_VERSION;
}

uint32_t sentio_abi_version(void) noexcept {
  return SENTIO_ABI_VERSION;
}

const char* sentio_last_error(void) noexcept {
  return last_error.c_str();
}

const char* sentio_result_text(sentio_result result) noexcept {
  if (result == SENTIO_OK) return "ok";
  if (result == SENTIO_SYSTEM) return "the operating system refused";
  if (result == SENTIO_INTERNAL) return "internal error";
  for (int code = 0; code <= static_cast<int>(ErrorCode::unsupported); ++code) {
    if (result_of(static_cast<ErrorCode>(code)) == result)
      return describe(static_cast<ErrorCode>(code)).data();
  }
  return "unknown result";
}

const char* sentio_status_text(sentio_status status) noexcept {
  for (int code = 0; code <= static_cast<int>(sentio::Status::volume_range); ++code) {
    if (status_of(static_cast<sentio::Status>(code)) == status)
      return describe(static_cast<sentio::Status>(code)).data();
  }
  return "unknown status";
}

sentio_result sentio_bundle_load(const char* folder, sentio_bundle** bundle) noexcept {
  return guarded([&] {
    require(folder != nullptr && bundle != nullptr, "folder or bundle is NULL");
    *bundle = std::make_unique<sentio_bundle>(sentio_bundle{sentio::Bundle::load(folder)}).release();
  });
}

void sentio_bundle_free(sentio_bundle* bundle) noexcept {
  const std::unique_ptr<sentio_bundle> last(bundle);
}

sentio_result sentio_bundle_get_info(const sentio_bundle* bundle, sentio_bundle_info* info) noexcept {
  return guarded([&] {
    require(bundle != nullptr, "bundle is NULL");
    require_output(info);
    const sentio::BundleManifest& manifest = bundle->bundle->manifest();
    sentio_bundle_info own{};
    own.simulated = manifest.simulated ? 1 : 0;
    own.bundle_id = bundle->bundle->id().c_str();
    own.model_id = manifest.model_id.c_str();
    own.version = manifest.version.c_str();
    own.symbol = manifest.symbol.c_str();
    own.interval = manifest.interval.c_str();
    own.backend = manifest.backend.c_str();
    own.interval_ns = manifest.interval_ns;
    own.seq_len = manifest.window.seq_len;
    own.n_features = manifest.window.n_features;
    own.horizon = manifest.horizon;
    own.kind = kind_of(manifest.output);
    own.windows_cross_sessions = manifest.windows_cross_sessions ? 1 : 0;
    own.n_outputs = static_cast<std::int64_t>(manifest.n_outputs());
    write_struct(own, info);
  });
}

const char* sentio_bundle_feature_name(const sentio_bundle* bundle, int64_t feature) noexcept {
  if (bundle == nullptr || feature < 0) return nullptr;
  const auto& features = bundle->bundle->plan()->features();
  const auto place = static_cast<std::size_t>(feature);
  return place < features.size() ? features[place].name.c_str() : nullptr;
}

const char* sentio_bundle_class_name(const sentio_bundle* bundle, int64_t place) noexcept {
  if (bundle == nullptr || place < 0) return nullptr;
  const auto& classes = bundle->bundle->manifest().classes;
  return static_cast<std::size_t>(place) < classes.size() ? classes[static_cast<std::size_t>(place)].c_str()
                                                          : nullptr;
}

sentio_result sentio_bundle_engine_state(const sentio_bundle* bundle, const void** state,
                                         size_t* size) noexcept {
  return guarded([&] {
    require(bundle != nullptr && state != nullptr && size != nullptr, "bundle, state or size is NULL");
    const auto bytes = bundle->bundle->engine_state();
    *state = bytes.data();
    *size = bytes.size();
  });
}

sentio_result sentio_session_new(const sentio_bundle* bundle, const sentio_options* options,
                                 sentio_session** session) noexcept {
  return guarded([&] {
    require(bundle != nullptr && session != nullptr, "bundle or session is NULL");
    const sentio_options own = read_struct(options);
    require(own.reserved == 0, "options.reserved is not 0");
    *session = handed_out(sentio::Session(bundle->bundle, {.interval_ns = own.interval_ns}));
  });
}

sentio_result sentio_session_clone(const sentio_session* session, sentio_session** clone) noexcept {
  return guarded([&] {
    require(session != nullptr && clone != nullptr, "session or clone is NULL");
    *clone = handed_out(session->session.clone());
  });
}

void sentio_session_free(sentio_session* session) noexcept {
  const std::unique_ptr<sentio_session> last(session);
}

sentio_result sentio_session_warm_up(sentio_session* session, const sentio_bar* bars, size_t count) noexcept {
  return guarded([&] {
    require(session != nullptr && (bars != nullptr || count == 0), "session or bars is NULL");
    sentio::BarTable table;
    for (const sentio_bar& bar : std::span(bars, count)) table.push_back(from_c(bar));
    session->session.warm_up(table.columns());
  });
}

sentio_result sentio_session_state(const sentio_session* session, void* state, size_t capacity,
                                   size_t* size) noexcept {
  return guarded([&] {
    require(session != nullptr && size != nullptr && (state != nullptr || capacity == 0),
            "session, state or size is NULL");
    const auto bytes = session->session.state();
    *size = bytes.size();
    require(bytes.size() <= capacity, "the state does not fit: its size is told");
    std::memcpy(state, bytes.data(), bytes.size());
  });
}

sentio_result sentio_session_restore(sentio_session* session, const void* state, size_t size) noexcept {
  return guarded([&] {
    require(session != nullptr && (state != nullptr || size == 0), "session or state is NULL");
    session->session.restore({static_cast<const std::byte*>(state), size});
  });
}

sentio_result sentio_session_on_bar(sentio_session* session, const sentio_bar* bar,
                                    sentio_outcome* outcome) noexcept {
  return take(session, bar, outcome, [&](const sentio::Bar& b) { return session->session.on_bar(b); });
}

sentio_result sentio_session_peek(sentio_session* session, const sentio_bar* bar,
                                  sentio_outcome* outcome) noexcept {
  return take(session, bar, outcome, [&](const sentio::Bar& b) { return session->session.peek(b); });
}

sentio_result sentio_session_features(const sentio_session* session, float* features, size_t count) noexcept {
  return guarded([&] {
    require(session != nullptr && features != nullptr, "session or features is NULL");
    const auto values = session->session.features();
    require(count == values.size(), "count is not the number of features");
    std::copy(values.begin(), values.end(), features);
  });
}

sentio_result sentio_session_get_info(const sentio_session* session, sentio_session_info* info) noexcept {
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    require_output(info);
    sentio_session_info own{};
    const auto last_ts = session->session.last_ts();
    own.has_last_ts = last_ts ? 1 : 0;
    own.last_ts = last_ts.value_or(0);
    own.bars_seen = session->session.bars_seen();
    own.bars_missing = session->session.bars_missing();
    write_struct(own, info);
  });
}

sentio_result sentio_session_get_drift(const sentio_session* session, int64_t feature,
                                       sentio_drift* drift) noexcept {
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    require_output(drift);
    const sentio::Drift& counted = session->session.drift();
    require(std::in_range<std::size_t>(feature) && std::cmp_less(feature, counted.width()),
            "feature is not one of the bundle's");
    const sentio::FeatureDrift found = counted.feature(static_cast<std::size_t>(feature));
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
  return guarded([&] {
    require(session != nullptr, "session is NULL");
    session->session.reset_drift();
  });
}

sentio_result sentio_session_swap(sentio_session* session, const sentio_bundle* bundle) noexcept {
  return guarded([&] {
    require(session != nullptr && bundle != nullptr, "session or bundle is NULL");
    (void)session->session.swap(bundle->bundle);
  });
}

sentio_result sentio_session_swap_warmed(sentio_session* session, sentio_session** warmed) noexcept {
  return guarded([&] {
    require(session != nullptr && warmed != nullptr && *warmed != nullptr, "session or warmed is NULL");
    require(session != *warmed, "a session cannot go on as itself");
    (void)session->session.swap(std::move((*warmed)->session));
    sentio_session_free(*warmed);
    *warmed = nullptr;
  });
}

sentio_result sentio_batch_new(const sentio_bundle* bundle, size_t most, sentio_batch** batch) noexcept {
  return guarded([&] {
    require(bundle != nullptr && batch != nullptr, "bundle or batch is NULL");
    *batch = std::make_unique<sentio_batch>(bundle->bundle, most).release();
  });
}

void sentio_batch_free(sentio_batch* batch) noexcept {
  const std::unique_ptr<sentio_batch> last(batch);
}

sentio_result sentio_batch_on_bars(sentio_batch* batch, sentio_session* const* sessions,
                                   const sentio_bar* bars, sentio_outcome* outcomes, size_t count) noexcept {
  return guarded([&] {
    require(batch != nullptr, "batch is NULL");
    require(count <= batch->bars.size(), "there are more bars than the batch has room for");
    if (count == 0) return;
    require(sessions != nullptr && bars != nullptr, "sessions or bars is NULL");
    require_output(outcomes);
    // The caller's structs may be longer than ours.
    const std::size_t stride = outcomes->struct_size;
    require(stride % alignof(sentio_outcome) == 0, "the outcomes' struct_size is no multiple of 8");
    const auto outcome = [&](std::size_t k) {
      return reinterpret_cast<sentio_outcome*>(reinterpret_cast<unsigned char*>(outcomes) + k * stride);
    };
    for (std::size_t k = 0; k < count; ++k) {
      require(sessions[k] != nullptr, "a session is NULL");
      require(outcome(k)->struct_size == stride, "the outcomes' struct_sizes are not the same");
      batch->sessions[k] = &sessions[k]->session;
      batch->bars[k] = from_c(bars[k]);
    }
    const std::span told(batch->outcomes.data(), count);
    batch->batch.on_bars({batch->sessions.data(), count}, {batch->bars.data(), count}, told);
    for (std::size_t k = 0; k < count; ++k) {
      const sentio::Session& session = *batch->sessions[k];
      write_struct(to_c(told[k], session.bundle(), bars[k].ts), outcome(k));
      tell_failure(told[k], session);
    }
  });
}
