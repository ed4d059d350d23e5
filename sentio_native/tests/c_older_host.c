/* A host that was built by the interface's first version: its structs, and none of their later fields. With a
 * bundle's folder: bars on stdin, the values of every prediction on stdout, as c_host. */
#include <math.h>

#include "c_host.h"

typedef struct first_options {
  uint32_t struct_size;
  uint32_t reserved;
  int64_t interval_ns;
} first_options;

typedef struct first_outcome {
  uint32_t struct_size;
  sentio_status status;
  double value, probability;
  sentio_kind kind;
  uint32_t n_outputs;
  int64_t horizon, bar_ts;
  double values[SENTIO_MOST_OUTPUTS], probabilities[SENTIO_MOST_OUTPUTS];
} first_outcome;

typedef struct first_bundle_info {
  uint32_t struct_size;
  int32_t simulated;
  const char *bundle_id, *model_id, *version, *symbol, *interval, *backend;
  int64_t interval_ns, seq_len, n_features, horizon;
  sentio_kind kind;
  int32_t windows_cross_sessions;
  int64_t n_outputs;
} first_bundle_info;

/* What lies behind such a struct in the caller's memory is not the library's to touch, nor to read. */
enum { kGuard = 64, kGuardByte = 0xa5 };
#define GUARDED(type)             \
  struct {                        \
    type known;                   \
    unsigned char behind[kGuard]; \
  }

static int is_untouched(const unsigned char* behind) {
  for (int k = 0; k < kGuard; ++k)
    if (behind[k] != kGuardByte) return 0;
  return 1;
}

/* Guarded memory, as it was handed over: of zeros but for the size. */
#define PREPARE(guarded)                                          \
  do {                                                            \
    memset(&(guarded).known, 0, sizeof(guarded).known);           \
    memset((guarded).behind, kGuardByte, sizeof(guarded).behind); \
    (guarded).known.struct_size = sizeof(guarded).known;          \
  } while (0)

static sentio_session* new_session(const sentio_bundle* bundle, int64_t interval_ns) {
  sentio_session* session = NULL;
  GUARDED(first_options) options;
  PREPARE(options);
  options.known.interval_ns = interval_ns;
  CHECK(sentio_session_new(bundle, (const sentio_options*)&options, &session) == SENTIO_OK);
  return session;
}

/* Two outcomes of the first version side by side, as an array of its has them. */
static void check_batch(const sentio_bundle* bundle, const sentio_session* session, const sentio_bar* bar,
                        const first_outcome* expected) {
  sentio_batch* batch = NULL;
  sentio_session* clones[2] = {NULL, NULL};
  const sentio_bar bars[2] = {*bar, *bar};
  GUARDED(first_outcome) last;
  struct {
    first_outcome first;
    unsigned char last[sizeof last];
  } outcomes;
  PREPARE(last);
  outcomes.first = last.known;
  memcpy(outcomes.last, &last, sizeof last);
  for (int k = 0; k < 2; ++k) CHECK(sentio_session_clone(session, &clones[k]) == SENTIO_OK);
  CHECK(sentio_batch_new(bundle, 2, &batch) == SENTIO_OK);
  CHECK(sentio_batch_on_bars(batch, clones, bars, (sentio_outcome*)&outcomes, 2) == SENTIO_OK);
  memcpy(&last, outcomes.last, sizeof last);
  CHECK(is_untouched(last.behind));
  CHECK(memcmp(&outcomes.first, expected, sizeof *expected) == 0);
  CHECK(memcmp(&last.known, expected, sizeof *expected) == 0);
  sentio_batch_free(batch);
  for (int k = 0; k < 2; ++k) sentio_session_free(clones[k]);
}

int main(int count, char** words) {
  sentio_bundle* bundle = NULL;
  sentio_bar bar;
  GUARDED(first_bundle_info) info;
  CHECK(count == 2);
  CHECK(sentio_bundle_load(words[1], &bundle) == SENTIO_OK);
  PREPARE(info);
  CHECK(sentio_bundle_get_info(bundle, (sentio_bundle_info*)&info) == SENTIO_OK);
  CHECK(is_untouched(info.behind));
  CHECK(info.known.struct_size == sizeof info.known && info.known.n_outputs >= 1);
  sentio_session* session = new_session(bundle, info.known.interval_ns);
  while (next_bar(&bar)) {
    GUARDED(first_outcome) peeked;
    GUARDED(first_outcome) outcome;
    PREPARE(peeked);
    PREPARE(outcome);
    CHECK(sentio_session_peek(session, &bar, (sentio_outcome*)&peeked) == SENTIO_OK);
    CHECK(is_untouched(peeked.behind));
    check_batch(bundle, session, &bar, &peeked.known);
    CHECK(sentio_session_on_bar(session, &bar, (sentio_outcome*)&outcome) == SENTIO_OK);
    CHECK(is_untouched(outcome.behind));
    CHECK(memcmp(&peeked.known, &outcome.known, sizeof outcome.known) == 0);
    if (outcome.known.status == SENTIO_PREDICTED)
      print_values(bar.ts, outcome.known.values, outcome.known.n_outputs);
  }
  sentio_bundle_free(bundle);
  sentio_session_free(session);
  return 0;
}
