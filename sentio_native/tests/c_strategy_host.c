/* A trading process in C. Without an argument: what the strategy's interface refuses. With a bundle's folder
 * and a new record: bars on stdin (ts open high low close volume), `ts side strength cooldown` of every bar
 * on stdout. */
#include "c_host.h"

static sentio_tfa_options defaults(void) {
  sentio_tfa_options options = {sizeof options};
  CHECK(sentio_tfa_defaults(&options) == SENTIO_OK);
  return options;
}

static void what_is_refused_without_a_bundle(void) {
  const sentio_tfa_options options = defaults();
  sentio_tfa_options none = {8}, unset = {0x55555550};
  sentio_tfa* tfa = NULL;
  sentio_bar bar = {0, 1, 1, 1, 1, 1};
  sentio_signal signal = {sizeof signal};
  sentio_status status = SENTIO_PREDICTED;
  size_t size = 0;
  int64_t bars = 0;
  CHECK(options.struct_size == sizeof options && options.reserved == 0 && options.interval_ns == 0);
  CHECK(options.buy_probability == 0.52 && options.sell_probability == 0.48);
  CHECK(options.buy_return == 0 && options.sell_return == 0 && options.confidence_floor == 0);
  CHECK(options.cooldown_bars == 0 && options.record == NULL);
  CHECK(refused(sentio_tfa_defaults(NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_defaults(&none), SENTIO_BAD_ARGUMENT, "struct_size"));
  CHECK(refused(sentio_tfa_defaults(&unset), SENTIO_BAD_ARGUMENT, "above 4096"));
  CHECK(refused(sentio_tfa_new(NULL, &options, &tfa), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_warm_up(NULL, &bar, 1), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_observe(NULL, &bar, &status), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_on_bar(NULL, &bar, &signal, NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_peek(NULL, &bar, &signal, NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_state(NULL, NULL, 0, &size), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_restore(NULL, &bar, 1), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_clone(NULL, &tfa), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_swap(NULL, NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_swap_warmed(NULL, &tfa), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_reset_drift(NULL), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(refused(sentio_tfa_cooldown_left(NULL, &bars), SENTIO_BAD_ARGUMENT, "NULL"));
  CHECK(sentio_tfa_session(NULL) == NULL);
  sentio_tfa_free(NULL);
  CHECK(strcmp(sentio_side_text(SENTIO_LONG), "long") == 0);
  CHECK(strcmp(sentio_side_text(SENTIO_SHORT), "short") == 0);
  CHECK(strcmp(sentio_side_text(SENTIO_FLAT), "flat") == 0);
  CHECK(strcmp(sentio_side_text(7), "unknown side") == 0);
}

static sentio_tfa* new_strategy(const sentio_bundle* bundle, const char* record) {
  sentio_tfa* tfa = NULL;
  sentio_tfa_options options = defaults();
  options.interval_ns = INT64_C(300000000000);
  options.buy_probability = 2;
  CHECK(refused(sentio_tfa_new(bundle, &options, &tfa), SENTIO_BAD_ARGUMENT, "buy_probability"));
  options.buy_probability = 0.52;
  options.cooldown_bars = 2;
  options.record = record;
  CHECK(sentio_tfa_new(bundle, &options, &tfa) == SENTIO_OK);
  return tfa;
}

static int64_t cooldown_left(const sentio_tfa* tfa) {
  int64_t bars = -1;
  CHECK(sentio_tfa_cooldown_left(tfa, &bars) == SENTIO_OK);
  return bars;
}

/* One of the same state, which records nothing. */
static sentio_tfa* copy_of(const sentio_bundle* bundle, const sentio_tfa* tfa) {
  sentio_tfa* restored = new_strategy(bundle, NULL);
  size_t size = 0;
  CHECK(refused(sentio_tfa_state(tfa, NULL, 0, &size), SENTIO_BAD_ARGUMENT, "does not fit"));
  unsigned char* state = malloc(size);
  CHECK(state != NULL);
  CHECK(sentio_tfa_state(tfa, state, size, &size) == SENTIO_OK);
  CHECK(sentio_tfa_restore(restored, state, size) == SENTIO_OK);
  state[size / 2] ^= 1;
  CHECK(refused(sentio_tfa_restore(restored, state, size), SENTIO_BAD_STATE, "damaged"));
  free(state);
  return restored;
}

/* Saved and restored elsewhere, it goes on alike, cooldown and all. */
static void check_copy(const sentio_bundle* bundle, sentio_tfa* tfa, const sentio_bar* bar) {
  sentio_tfa* restored = copy_of(bundle, tfa);
  sentio_signal signals[2] = {{sizeof signals[0]}, {sizeof signals[0]}};
  sentio_outcome outcomes[2] = {{sizeof outcomes[0]}, {sizeof outcomes[0]}};
  CHECK(cooldown_left(restored) == cooldown_left(tfa));
  CHECK(sentio_tfa_peek(tfa, bar, &signals[0], &outcomes[0]) == SENTIO_OK);
  CHECK(sentio_tfa_on_bar(restored, bar, &signals[1], &outcomes[1]) == SENTIO_OK);
  CHECK(memcmp(&signals[0], &signals[1], sizeof signals[0]) == 0);
  CHECK(memcmp(&outcomes[0], &outcomes[1], sizeof outcomes[0]) == 0);
  sentio_tfa_free(restored);
}

/* A clone goes on alike, and so it does after its bundle was swapped for the same one. Handed over to one that
 * is a bar ahead, it is left. */
static void check_moves(const sentio_bundle* bundle, sentio_tfa* tfa, const sentio_bar* bar) {
  sentio_tfa *ahead = NULL, *clone = NULL;
  sentio_signal signals[2] = {{sizeof signals[0]}, {sizeof signals[0]}};
  CHECK(sentio_tfa_clone(tfa, &clone) == SENTIO_OK && sentio_tfa_clone(tfa, &ahead) == SENTIO_OK);
  CHECK(sentio_tfa_swap(clone, bundle) == SENTIO_OK);
  CHECK(cooldown_left(clone) == cooldown_left(tfa));
  CHECK(sentio_tfa_on_bar(ahead, bar, &signals[0], NULL) == SENTIO_OK);
  CHECK(refused(sentio_tfa_swap_warmed(ahead, &clone), SENTIO_BAD_ARGUMENT, "last bar is another"));
  CHECK(refused(sentio_tfa_swap_warmed(clone, &clone), SENTIO_BAD_ARGUMENT, "as itself"));
  CHECK(sentio_tfa_on_bar(clone, bar, &signals[1], NULL) == SENTIO_OK);
  CHECK(memcmp(&signals[0], &signals[1], sizeof signals[0]) == 0);
  CHECK(sentio_tfa_swap_warmed(ahead, &clone) == SENTIO_OK && clone == NULL);
  CHECK(sentio_tfa_on_bar(ahead, bar, &signals[0], NULL) == SENTIO_OK);
  CHECK(signals[0].status == SENTIO_NOT_LATER);
  sentio_tfa_free(ahead);
}

/* A bar that is only observed, or history, is taken and passes for the cooldown; it is no signal. */
static void check_observing(const sentio_bundle* bundle, const sentio_tfa* tfa, const sentio_bar* bar) {
  sentio_tfa *observing = copy_of(bundle, tfa), *warming = copy_of(bundle, tfa);
  const int64_t left = cooldown_left(tfa), after = left > 0 ? left - 1 : 0;
  sentio_status status = SENTIO_MODEL_FAILED;
  CHECK(sentio_tfa_observe(observing, bar, &status) == SENTIO_OK && status == SENTIO_PREDICTED);
  CHECK(cooldown_left(observing) == after);
  CHECK(sentio_tfa_observe(observing, bar, &status) == SENTIO_OK && status == SENTIO_NOT_LATER);
  CHECK(cooldown_left(observing) == after);
  CHECK(sentio_tfa_warm_up(warming, bar, 1) == SENTIO_OK);
  CHECK(cooldown_left(warming) == after);
  CHECK(refused(sentio_tfa_warm_up(warming, bar, 1), SENTIO_BAD_BARS, "bar 0"));
  sentio_tfa_free(observing);
  sentio_tfa_free(warming);
}

/* Its session can be asked; it cannot be advanced behind the strategy's back. */
static void check_session(sentio_tfa* tfa, const sentio_bar* bar, int64_t bars) {
  const sentio_session* session = sentio_tfa_session(tfa);
  sentio_session_info info = {sizeof info};
  sentio_session* clone = NULL;
  sentio_outcome outcome = {sizeof outcome};
  sentio_drift drift = {sizeof drift};
  CHECK(sentio_session_get_info(session, &info) == SENTIO_OK);
  CHECK(info.bars_seen == bars && info.last_ts < bar->ts);
  CHECK(sentio_session_recording_error(session) == SENTIO_OK);
  CHECK(refused(sentio_session_on_bar((sentio_session*)session, bar, &outcome), SENTIO_BAD_ARGUMENT,
                "strategy's"));
  CHECK(sentio_session_clone(session, &clone) == SENTIO_OK);
  CHECK(sentio_session_on_bar(clone, bar, &outcome) == SENTIO_OK);
  sentio_session_free(clone);
  CHECK(sentio_tfa_reset_drift(tfa) == SENTIO_OK);
  CHECK(sentio_session_get_drift(session, 0, &drift) == SENTIO_OK && drift.rows == 0);
}

static void stream(const char* folder, const char* record) {
  sentio_bundle* bundle = NULL;
  sentio_bar bar;
  int64_t bars = 0;
  CHECK(sentio_bundle_load(folder, &bundle) == SENTIO_OK);
  sentio_tfa* tfa = new_strategy(bundle, record);
  while (next_bar(&bar)) {
    sentio_signal signal = {sizeof signal};
    sentio_outcome outcome = {sizeof outcome};
    if (bars % 50 == 49) {
      check_copy(bundle, tfa, &bar);
      check_moves(bundle, tfa, &bar);
      check_observing(bundle, tfa, &bar);
      check_session(tfa, &bar, bars);
    }
    if (bars % 3 == 0) { /* the outcome may be left out */
      CHECK(sentio_tfa_on_bar(tfa, &bar, &signal, NULL) == SENTIO_OK);
    } else {
      CHECK(sentio_tfa_on_bar(tfa, &bar, &signal, &outcome) == SENTIO_OK);
      CHECK(outcome.status == signal.status && outcome.bar_ts == bar.ts);
    }
    ++bars;
    if (signal.status != SENTIO_PREDICTED) continue;
    printf("%" PRId64 " %s %.17g %" PRId64 "\n", bar.ts, sentio_side_text(signal.side), signal.strength,
           cooldown_left(tfa));
  }
  sentio_bundle_free(bundle);
  sentio_tfa_free(tfa);
}

int main(int count, char** words) {
  what_is_refused_without_a_bundle();
  if (count > 2) stream(words[1], words[2]);
  return 0;
}
