/* A host in C. Without an argument: what the interface refuses. With a bundle's folder: bars on stdin (ts
 * open high low close volume), `ts value` of every prediction on stdout, of classes every value. */
#include <math.h>
#include <string.h>

#include "c_host.h"

static void what_is_refused_without_a_bundle(void) {
  sentio_bundle* bundle = NULL;
  sentio_session* session = NULL;
  sentio_batch* batch = NULL;
  sentio_options options = {sizeof options, 0, 1, NULL};
  sentio_load_options empty_backend = {sizeof empty_backend, 0, "", NULL};
  sentio_load_options empty_key = {sizeof empty_key, 0, NULL, ""};
  sentio_load_options no_key = {sizeof no_key, 0, NULL, "/no/such/key"};
  sentio_load_options reserved = {sizeof reserved, 1, NULL, NULL};
  sentio_range range = {sizeof range};
  sentio_status status = SENTIO_PREDICTED;
  sentio_bar bar = {0, 1, 1, 1, 1, 1};
  sentio_outcome outcome = {sizeof outcome};
  sentio_drift drift = {sizeof drift};
  size_t size = 0;
  CHECK(sentio_abi_version() == SENTIO_ABI_VERSION);
  CHECK(strlen(sentio_version()) >= 5);
  CHECK(strcmp(sentio_last_error(), "") == 0);
  CHECK(refused(sentio_bundle_load("/no/such/folder", &bundle), SENTIO_MISSING, "/no/such/folder"));
  CHECK(bundle == NULL);
  CHECK(refused(sentio_bundle_load(NULL, &bundle), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_bundle_load_with(".", NULL, &bundle), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_bundle_load_with(".", &empty_backend, &bundle), SENTIO_BAD_ARGUMENT,
                "backend is empty"));
  CHECK(refused(sentio_bundle_load_with(".", &empty_key, &bundle), SENTIO_BAD_ARGUMENT,
                "trusted_key is empty"));
  CHECK(refused(sentio_bundle_load_with(".", &reserved, &bundle), SENTIO_BAD_ARGUMENT, "reserved"));
  CHECK(sentio_bundle_load_with(".", &no_key, &bundle) != SENTIO_OK); /* what for is the build's to say */
  CHECK(bundle == NULL);
  CHECK(refused(sentio_bundle_get_range(NULL, 0, &range), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_new(NULL, &options, &session), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_on_bar(NULL, &bar, &outcome), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_peek(NULL, &bar, &outcome), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_observe(NULL, &bar, &status), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_bundle(NULL, &bundle), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_recording_error(NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_state(NULL, NULL, 0, &size), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_restore(NULL, &bar, 1), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_clone(NULL, &session), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_swap(NULL, NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_swap_warmed(NULL, &session), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_get_drift(NULL, 0, &drift), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_session_reset_drift(NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_batch_new(NULL, 1, &batch), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_batch_on_bars(NULL, &session, &bar, &outcome, 1), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(sentio_bundle_feature_name(NULL, 0) == NULL);
  CHECK(sentio_bundle_class_name(NULL, 0) == NULL);
  CHECK(sentio_bundle_backend_name(NULL, 0) == NULL);
  CHECK(strcmp(sentio_backend_name(0), "native") == 0);
  CHECK(sentio_backend_name(-1) == NULL && sentio_backend_name(99) == NULL);
  sentio_bundle_free(NULL);
  sentio_session_free(NULL);
  sentio_batch_free(NULL);
  for (sentio_result result = SENTIO_OK; result <= SENTIO_INTERNAL; ++result)
    CHECK(strcmp(sentio_result_text(result), "unknown result") != 0);
  for (sentio_status status = SENTIO_NOT_LATER; status <= SENTIO_VOLUME_RANGE; ++status)
    CHECK(strcmp(sentio_status_text(status), "unknown status") != 0);
  CHECK(strcmp(sentio_status_text(99), "unknown status") == 0);
}

/* As memory that nobody has set may be. */
#define UNSET 0x55555550

/* A struct as a later version's caller would have it. */
typedef struct later_outcome {
  sentio_outcome known;
  int64_t unknown;
} later_outcome;
typedef struct later_options {
  sentio_options known;
  int64_t unknown;
} later_options;

static sentio_session* new_session(sentio_bundle* bundle, const sentio_bundle_info* info) {
  sentio_session* session = NULL;
  sentio_options options = {sizeof options, 0, info->interval_ns, NULL};
  later_options later = {{sizeof later, 0, info->interval_ns, NULL}, 7};
  sentio_options wrong = {sizeof wrong, 0, info->interval_ns + 1, NULL};
  sentio_options small = {8, 0, info->interval_ns, NULL};
  sentio_options amid = {20, 0, info->interval_ns, NULL};
  sentio_options unset = {UNSET, 0, info->interval_ns, NULL};
  sentio_options empty = {sizeof empty, 0, info->interval_ns, ""};
  sentio_options unwritable = {sizeof unwritable, 0, info->interval_ns, "/no/such/folder/record"};
  CHECK(refused(sentio_session_new(bundle, &wrong, &session), SENTIO_BAD_ARGUMENT, info->interval));
  CHECK(refused(sentio_session_new(bundle, &small, &session), SENTIO_BAD_ARGUMENT, "struct_size"));
  CHECK(refused(sentio_session_new(bundle, &amid, &session), SENTIO_BAD_ARGUMENT, "amid"));
  CHECK(refused(sentio_session_new(bundle, &unset, &session), SENTIO_BAD_ARGUMENT, "above 4096"));
  CHECK(refused(sentio_session_new(bundle, &empty, &session), SENTIO_BAD_ARGUMENT, "record is empty"));
  CHECK(refused(sentio_session_new(bundle, &unwritable, &session), SENTIO_SYSTEM, "/no/such/folder/record"));
  CHECK(refused(sentio_session_new(bundle, &later.known, &session), SENTIO_BAD_ARGUMENT, "too old"));
  later.unknown = 0;
  CHECK(sentio_session_new(bundle, &later.known, &session) == SENTIO_OK);
  sentio_session_free(session);
  CHECK(sentio_session_new(bundle, &options, &session) == SENTIO_OK);
  return session;
}

/* What is told goes into no struct whose size was never set. */
static void check_sizes(sentio_bundle* bundle, sentio_session* session, const sentio_bar* bar) {
  sentio_outcome outcome = {UNSET};
  sentio_bundle_info info = {4104};
  sentio_batch* batch = NULL;
  CHECK(refused(sentio_session_on_bar(session, bar, &outcome), SENTIO_BAD_ARGUMENT, "struct_size"));
  CHECK(refused(sentio_session_peek(session, bar, &outcome), SENTIO_BAD_ARGUMENT, "struct_size"));
  CHECK(refused(sentio_bundle_get_info(bundle, &info), SENTIO_BAD_ARGUMENT, "above 4096"));
  CHECK(sentio_batch_new(bundle, 1, &batch) == SENTIO_OK);
  CHECK(refused(sentio_batch_on_bars(batch, &session, bar, &outcome, 1), SENTIO_BAD_ARGUMENT, "above 4096"));
  sentio_batch_free(batch);
  CHECK(outcome.struct_size == UNSET && outcome.model_id == NULL && info.struct_size == 4104);
}

static int same_outcome(const sentio_outcome* a, const sentio_outcome* b) {
  return memcmp(a, b, sizeof *a) == 0;
}

/* Saved, restored elsewhere, and cloned: all three go on alike. */
static void check_copies(sentio_bundle* bundle, const sentio_bundle_info* info, sentio_session* session,
                         const sentio_bar* bar) {
  sentio_session *restored = new_session(bundle, info), *clone = NULL;
  sentio_outcome outcomes[3] = {{sizeof outcomes[0]}, {sizeof outcomes[0]}, {sizeof outcomes[0]}};
  size_t size = 0;
  CHECK(refused(sentio_session_state(session, NULL, 0, &size), SENTIO_BAD_ARGUMENT, "does not fit"));
  unsigned char* state = malloc(size);
  CHECK(state != NULL);
  CHECK(sentio_session_state(session, state, size, &size) == SENTIO_OK);
  CHECK(sentio_session_restore(restored, state, size) == SENTIO_OK);
  state[size / 2] ^= 1;
  CHECK(refused(sentio_session_restore(restored, state, size), SENTIO_BAD_STATE, "damaged"));
  free(state);
  CHECK(sentio_session_clone(session, &clone) == SENTIO_OK);
  CHECK(sentio_session_peek(session, bar, &outcomes[0]) == SENTIO_OK);
  CHECK(sentio_session_on_bar(restored, bar, &outcomes[1]) == SENTIO_OK);
  CHECK(sentio_session_on_bar(clone, bar, &outcomes[2]) == SENTIO_OK);
  CHECK(same_outcome(&outcomes[0], &outcomes[1]));
  CHECK(same_outcome(&outcomes[0], &outcomes[2]));
  sentio_session_free(clone);
  sentio_session_free(restored);
}

static void check_probabilities(const sentio_outcome* outcome) {
  const int has_classes = outcome->kind == SENTIO_CLASSES;
  double all = 0;
  for (uint32_t k = 0; k < outcome->n_outputs; ++k) all += exp(outcome->values[k]);
  for (uint32_t k = 0; k < outcome->n_outputs; ++k) {
    const double share = exp(outcome->values[k]) / all;
    CHECK(has_classes ? fabs(outcome->probabilities[k] - share) < 1e-15 : isnan(outcome->probabilities[k]));
  }
  for (uint32_t k = outcome->n_outputs; k < SENTIO_MOST_OUTPUTS; ++k)
    CHECK(outcome->values[k] == 0 && outcome->probabilities[k] == 0);
  if (has_classes) {
    CHECK(isnan(outcome->value) && isnan(outcome->probability));
    return;
  }
  CHECK(outcome->value == outcome->values[0]);
  if (outcome->kind == SENTIO_LOGIT)
    CHECK(fabs(outcome->probability - 1.0 / (1.0 + exp(-outcome->value))) < 1e-15);
  if (outcome->kind == SENTIO_PROBABILITY) CHECK(outcome->probability == outcome->value);
}

/* In a batch, two clones are told what each is told alone; where a call is refused, neither takes its bar. */
static void check_batch(sentio_bundle* bundle, sentio_session* session, const sentio_bar* bar) {
  sentio_batch* batch = NULL;
  sentio_session* clones[2] = {NULL, NULL};
  sentio_bar bars[3] = {*bar, *bar, *bar};
  sentio_outcome alone = {sizeof alone};
  later_outcome outcomes[3] = {
      {{sizeof outcomes[0]}, -1}, {{sizeof outcomes[0]}, -1}, {{sizeof outcomes[0]}, -1}};
  CHECK(sentio_session_peek(session, bar, &alone) == SENTIO_OK);
  for (int k = 0; k < 2; ++k) CHECK(sentio_session_clone(session, &clones[k]) == SENTIO_OK);
  sentio_session* thrice[3] = {clones[0], clones[1], clones[0]};
  sentio_session* missing[2] = {clones[0], NULL};
  CHECK(sentio_batch_new(bundle, 3, &batch) == SENTIO_OK);
  CHECK(
      refused(sentio_batch_on_bars(batch, thrice, bars, &outcomes[0].known, 4), SENTIO_BAD_ARGUMENT, "room"));
  CHECK(refused(sentio_batch_on_bars(batch, missing, bars, &outcomes[0].known, 2), SENTIO_BAD_ARGUMENT,
                "NULL"));
  CHECK(
      refused(sentio_batch_on_bars(batch, thrice, NULL, &outcomes[0].known, 1), SENTIO_BAD_ARGUMENT, "NULL"));
  outcomes[1].known.struct_size = sizeof outcomes[1].known;
  CHECK(
      refused(sentio_batch_on_bars(batch, thrice, bars, &outcomes[0].known, 3), SENTIO_BAD_ARGUMENT, "same"));
  outcomes[1].known.struct_size = sizeof outcomes[1];
  CHECK(sentio_batch_on_bars(batch, NULL, NULL, NULL, 0) == SENTIO_OK);
  CHECK(sentio_batch_on_bars(batch, thrice, bars, &outcomes[0].known, 3) == SENTIO_OK);
  for (int k = 0; k < 2; ++k) {
    CHECK(outcomes[k].unknown == 0);
    outcomes[k].known.struct_size = sizeof alone;
    CHECK(same_outcome(&outcomes[k].known, &alone));
    sentio_session_free(clones[k]);
  }
  CHECK(outcomes[2].known.status == SENTIO_NOT_LATER); /* the first clone had taken it by then */
  sentio_batch_free(batch);
}

/* A session that has taken the same bars takes over, and is gone; one that has not is refused, and stays. */
static void check_warm_swap(sentio_bundle* bundle, const sentio_bundle_info* info, sentio_session* session) {
  sentio_session *young = new_session(bundle, info), *warmed = NULL, *none = NULL;
  CHECK(refused(sentio_session_swap_warmed(session, &young), SENTIO_BAD_ARGUMENT, "last bar is another"));
  CHECK(young != NULL);
  sentio_session_free(young);
  CHECK(refused(sentio_session_swap_warmed(session, &none), SENTIO_BAD_ARGUMENT, "NULL"));
  warmed = session;
  CHECK(refused(sentio_session_swap_warmed(session, &warmed), SENTIO_BAD_ARGUMENT, "itself"));
  CHECK(sentio_session_clone(session, &warmed) == SENTIO_OK);
  CHECK(sentio_session_swap_warmed(session, &warmed) == SENTIO_OK);
  CHECK(warmed == NULL);
}

/* Every row is in one bin, for each feature, and none after a reset. */
static void check_drift(const sentio_bundle_info* info, sentio_session* session, int64_t rows) {
  sentio_drift drift = {sizeof drift};
  for (int64_t feature = 0; feature < info->n_features; ++feature) {
    int64_t counted = 0;
    CHECK(sentio_session_get_drift(session, feature, &drift) == SENTIO_OK);
    for (int bin = 0; bin < 10; ++bin) counted += drift.bins[bin];
    CHECK(drift.rows == rows && counted == rows);
    CHECK(drift.psi >= 0 && drift.out_of_range >= 0 && drift.out_of_range <= 1);
  }
  CHECK(refused(sentio_session_get_drift(session, info->n_features, &drift), SENTIO_BAD_ARGUMENT, "feature"));
  CHECK(refused(sentio_session_get_drift(session, -1, &drift), SENTIO_BAD_ARGUMENT, "feature"));
  CHECK(sentio_session_reset_drift(session) == SENTIO_OK);
  CHECK(sentio_session_get_drift(session, 0, &drift) == SENTIO_OK);
  CHECK(drift.rows == 0 && drift.bins[0] == 0 && isnan(drift.psi) && isnan(drift.out_of_range));
}

/* What is taken without asking the model is taken alike. */
static void check_observing(const sentio_session* session, const sentio_bar* bar) {
  sentio_session *asked = NULL, *observed = NULL;
  sentio_outcome outcome = {sizeof outcome};
  sentio_session_info infos[2] = {{sizeof infos[0]}, {sizeof infos[1]}};
  sentio_status status = SENTIO_MODEL_FAILED;
  CHECK(sentio_session_clone(session, &asked) == SENTIO_OK);
  CHECK(sentio_session_clone(session, &observed) == SENTIO_OK);
  CHECK(sentio_session_on_bar(asked, bar, &outcome) == SENTIO_OK);
  CHECK(sentio_session_observe(observed, bar, &status) == SENTIO_OK);
  CHECK(status == outcome.status);
  CHECK(sentio_session_get_info(asked, &infos[0]) == SENTIO_OK);
  CHECK(sentio_session_get_info(observed, &infos[1]) == SENTIO_OK);
  CHECK(memcmp(&infos[0], &infos[1], sizeof infos[0]) == 0);
  CHECK(sentio_session_observe(observed, bar, &status) == SENTIO_OK && status == SENTIO_NOT_LATER);
  CHECK(refused(sentio_session_observe(observed, bar, NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  sentio_session_free(asked);
  sentio_session_free(observed);
}

/* The session's bundle is the one that it is of, and a handle that lives by itself. */
static void check_bundle_of(const sentio_session* session, const sentio_bundle_info* info) {
  sentio_bundle* again = NULL;
  sentio_bundle_info told = {sizeof told};
  CHECK(sentio_session_bundle(session, &again) == SENTIO_OK);
  CHECK(sentio_bundle_get_info(again, &told) == SENTIO_OK);
  CHECK(memcmp(&told, info, sizeof told) == 0);
  sentio_bundle_free(again);
}

static void stream(const char* folder) {
  sentio_bundle* bundle = NULL;
  sentio_bundle_info info = {sizeof info};
  sentio_session_info seen = {sizeof seen};
  sentio_bar bar;
  int64_t bars = 0;
  CHECK(sentio_bundle_load(folder, &bundle) == SENTIO_OK);
  CHECK(sentio_bundle_get_info(bundle, &info) == SENTIO_OK);
  CHECK(strlen(info.bundle_id) == 64);
  CHECK(info.kind == SENTIO_CLASSES ? info.n_outputs > 1 : info.n_outputs == 1);
  for (int64_t k = 0; k < info.n_outputs; ++k)
    CHECK((sentio_bundle_class_name(bundle, k) != NULL) == (info.kind == SENTIO_CLASSES));
  CHECK(sentio_bundle_class_name(bundle, info.n_outputs) == NULL);
  CHECK(sentio_bundle_class_name(bundle, -1) == NULL);
  CHECK(sentio_bundle_feature_name(bundle, info.n_features - 1) != NULL);
  CHECK(sentio_bundle_feature_name(bundle, info.n_features) == NULL);
  sentio_session* session = new_session(bundle, &info);
  float* features = malloc((size_t)info.n_features * sizeof *features);
  CHECK(features != NULL);
  while (next_bar(&bar)) {
    sentio_outcome peeked = {sizeof peeked}, refusal = {sizeof refusal};
    later_outcome outcome = {{sizeof outcome}, -1};
    sentio_bar bad = bar;
    bad.volume = NAN;
    if (bars % 50 == 49) {
      check_observing(session, &bar);
      check_bundle_of(session, &info);
      check_copies(bundle, &info, session, &bar);
      check_batch(bundle, session, &bar);
      check_sizes(bundle, session, &bar);
    }
    if (bars == 100) CHECK(sentio_session_swap(session, bundle) == SENTIO_OK);
    if (bars == 150) check_warm_swap(bundle, &info, session);
    CHECK(sentio_session_on_bar(session, &bad, &refusal) == SENTIO_OK);
    CHECK(refusal.status == SENTIO_NOT_A_NUMBER && isnan(refusal.value) && isnan(refusal.values[0]));
    CHECK(sentio_session_peek(session, &bar, &peeked) == SENTIO_OK);
    CHECK(sentio_session_on_bar(session, &bar, &outcome.known) == SENTIO_OK);
    CHECK(outcome.unknown == 0);
    outcome.known.struct_size = sizeof outcome.known;
    CHECK(same_outcome(&peeked, &outcome.known));
    CHECK(outcome.known.bar_ts == bar.ts);
    CHECK(strcmp(outcome.known.bundle_id, info.bundle_id) == 0);
    CHECK(strcmp(outcome.known.model_id, info.model_id) == 0);
    CHECK(strcmp(outcome.known.version, info.version) == 0);
    CHECK(sentio_session_features(session, features, (size_t)info.n_features) == SENTIO_OK);
    ++bars;
    if (outcome.known.status != SENTIO_PREDICTED) continue;
    check_probabilities(&outcome.known);
    print_values(bar.ts, outcome.known.values, outcome.known.n_outputs);
  }
  CHECK(sentio_session_get_info(session, &seen) == SENTIO_OK);
  CHECK(seen.has_last_ts == 1 && seen.last_ts == bar.ts && seen.bars_seen == bars);
  check_drift(&info, session, bars - 100); /* the swap began to count anew */
  sentio_bundle_free(bundle);              /* the session keeps what it needs */
  sentio_session_free(session);
  free(features);
}

int main(int count, char** words) {
  what_is_refused_without_a_bundle();
  if (count > 1) stream(words[1]);
  return 0;
}
