/* The C interface of Sentio's runtime, for C and for every language that can call it.
 *
 * Calls return a sentio_result and never throw. Where there is not enough memory it is SENTIO_SYSTEM; a bar's
 * status is SENTIO_MODEL_FAILED where the model, or a peek, gets none. There is one exception: the JSON library
 * by which a bundle is loaded asks for memory even as it cleans up, and where there is none left at all, the
 * process ends by std::terminate. Load before trading, or in a process that may end.
 *
 * Structs but for sentio_bar and sentio_span begin with `struct_size`, which the caller sets to its own sizeof:
 * later versions of the library add fields at the end, and read or write no more than the caller has. A caller
 * newer than the library must have left what the library does not know 0. No struct is larger than 4096 bytes,
 * and a larger size is refused.
 *
 * A session, a batch or a strategy may be used by one thread at a time. Different ones, also on one bundle,
 * may be used in different threads at once, and so may all functions that take none.
 * A const char* is owned by what it was asked of and lives as long; those of a bundle live as long as a
 * session of it, too.
 *
 * C++ has more, which is left out on purpose:
 * - Session::load: it is sentio_bundle_load_with and sentio_session_new.
 * - LoadOptions::model_loader: a model of the host's own is an object with virtual methods. A host that runs
 *   another of the bundle's models itself asks sentio_session_observe and sentio_session_features.
 * - Bundle::model: a session and a batch ask it, of windows that are made as those of training were.
 * - verify_bundle: loading makes the same checks of the backend that is to run, and sentio_last_error names the
 *   first that failed; `sentio verify` and `sentio_cli verify` list them all.
 * - TFACfg's ROOT, model and version: a strategy is made of a bundle, which is loaded by its folder; which
 *   model and version that is, sentio_bundle_get_info tells.
 * - Engine, Plan and the catalog, features without a bundle: sentio::engine is C++.
 */
#ifndef SENTIO_SENTIO_H
#define SENTIO_SENTIO_H

#include <stddef.h>
#include <stdint.h>

#define SENTIO_ABI_VERSION 1
#define SENTIO_MOST_OUTPUTS 16
#define SENTIO_C_API __attribute__((visibility("default")))

#ifdef __cplusplus
#define SENTIO_NOEXCEPT noexcept
extern "C" {
#else
#define SENTIO_NOEXCEPT
#endif

/* What became of a call. */
typedef int32_t sentio_result;
enum {
  SENTIO_OK = 0,
  SENTIO_BAD_ARGUMENT = 1,
  SENTIO_BAD_SPEC = 2,
  SENTIO_BAD_BARS = 3,
  SENTIO_BAD_STATE = 4,
  SENTIO_BAD_BUNDLE = 5,
  SENTIO_CORRUPT = 6,     /* bytes are not those that were sealed */
  SENTIO_MISSING = 7,     /* a file or folder is not there */
  SENTIO_UNSUPPORTED = 8, /* this build or machine cannot do what was asked */
  SENTIO_SYSTEM = 9,      /* the operating system refused, or there is not enough memory */
  SENTIO_INTERNAL = 10    /* a defect of Sentio */
};

/* What became of a bar. */
typedef int32_t sentio_status;
enum {
  SENTIO_PREDICTED = 0,    /* taken, and a prediction was made */
  SENTIO_WARMING_UP = 1,   /* taken; the window is not full of valid rows yet */
  /* taken; the model failed, see sentio_last_error, or its output is no number, or no probability where it is to be */
  SENTIO_MODEL_FAILED = 2,
  /* From here on: refused, nothing has changed. */
  SENTIO_NOT_LATER = 16,    /* its time is not later than the bar before */
  SENTIO_TOO_EARLY = 17,    /* it follows the bar before by less than the bundle's interval */
  SENTIO_NOT_A_NUMBER = 18, /* a price or the volume is NaN */
  SENTIO_PRICE_RANGE = 19,  /* a price is outside [1e-12, 1e12] */
  SENTIO_HIGH_LOW = 20,     /* high and low do not contain open and close */
  SENTIO_VOLUME_RANGE = 21  /* the volume is outside [0, 1e18] */
};

/* What a raw output is. */
typedef int32_t sentio_kind;
enum {
  SENTIO_LOGIT = 0,       /* of a rise: its sigmoid is the probability */
  SENTIO_PROBABILITY = 1, /* of a rise */
  SENTIO_RETURN = 2,      /* in the label's unit */
  SENTIO_CLASSES = 3      /* a logit for each class: their softmax are the probabilities */
};

/* Passed in arrays, and therefore the same for ever. */
typedef struct sentio_bar {
  int64_t ts; /* the bar's open, nanoseconds since 1970 UTC */
  double open, high, low, close, volume;
} sentio_bar;

/* The samples of one part of the training data, by the times of their bars. Part of a struct, and therefore
 * the same for ever. */
typedef struct sentio_span {
  int64_t rows;
  int64_t first_ts;
  int64_t last_ts;
} sentio_span;

/* How a bundle is loaded. Texts may be NULL; an empty one is refused, lest it be one that was forgotten. */
typedef struct sentio_load_options {
  uint32_t struct_size;
  uint32_t reserved;       /* 0 */
  const char* backend;     /* which runs the model; NULL: the first of the bundle's that this library has */
  const char* trusted_key; /* an Ed25519 public key in PEM, or the path of such a file: a bundle that it did
                              not sign is refused before anything of it is parsed. NULL: none need have
                              signed. Needs a build with SENTIO_OPENSSL, else SENTIO_UNSUPPORTED */
} sentio_load_options;

typedef struct sentio_options {
  uint32_t struct_size;
  uint32_t reserved;   /* 0 */
  int64_t interval_ns; /* the length of the feed's bars; must be the bundle's */
  const char* record;  /* a new file in which to write down every bar that is taken, its features and what was
                          predicted, for `sentio replay`: docs/reference/record.md. NULL: none */
} sentio_options;

typedef struct sentio_outcome {
  uint32_t struct_size;
  sentio_status status;
  double value;       /* raw; NaN where there is no prediction, or one value for each class */
  double probability; /* of a rise; NaN where there is no prediction, and for returns and classes */
  sentio_kind kind;
  uint32_t n_outputs;                        /* C, of the bundle; what follows of an array's first C is 0 */
  int64_t horizon;                           /* bars that the value looks ahead */
  int64_t bar_ts;                            /* open of the bar after whose close it was made */
  double values[SENTIO_MOST_OUTPUTS];        /* raw; NaN where there is no prediction */
  double probabilities[SENTIO_MOST_OUTPUTS]; /* of each class; NaN where there is no prediction or no class */
  /* Whose model it is; the bundle's id, 64 hex digits, says which files exactly. */
  const char* model_id;
  const char* version;
  const char* bundle_id;
} sentio_outcome;

typedef struct sentio_bundle_info {
  uint32_t struct_size;
  int32_t simulated;     /* 1 where it was trained on made-up bars */
  const char* bundle_id; /* 64 hex digits */
  const char* model_id;
  const char* version;
  const char* symbol;
  const char* interval; /* such as "5m" */
  const char* backend;  /* the one that runs */
  int64_t interval_ns;
  int64_t seq_len;    /* T, rows of a window */
  int64_t n_features; /* F */
  int64_t horizon;
  sentio_kind kind;
  int32_t windows_cross_sessions;
  int64_t n_outputs; /* C: of as many classes, or 1 */
  const char* created_at;
  const char* spec_hash; /* 64 hex digits, as this library computed it */
  const char* label;
  double tolerance;        /* absolute, of the outputs from those of the trained module */
  int64_t first_valid_row; /* bars before the first whose features are all valid */
  int64_t settle;          /* bars after which a cold start agrees with the long run; -1: never */
  int64_t session_gap_ns;  /* bars as far apart as this are of two sessions */
  sentio_span train, validation, test;
} sentio_bundle_info;

/* How one feature was distributed in the training rows: k tenths of its values lie at or below the k-th
 * decile. */
typedef struct sentio_range {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  double min;
  double deciles[9];
  double max;
  int64_t counts[10]; /* rows in the bins of sentio_drift; not equal where one value is frequent */
} sentio_range;

typedef struct sentio_session_info {
  uint32_t struct_size;
  int32_t has_last_ts; /* 0 before the first bar */
  int64_t last_ts;
  int64_t bars_seen;
  /* Of gaps shorter than the spec's session gap, in units of the interval: a longer one cannot be told from a closed
   * market. -1 where one missing bar makes a longer one, as with bars of 2 hours and more by the default of 4 hours. */
  int64_t bars_missing;
} sentio_session_info;

/* How the rows of one feature that were counted lie against the training rows. */
typedef struct sentio_drift {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  int64_t rows;
  int64_t below_min; /* rows outside of the training rows' range; the bins at the ends hold them, too */
  int64_t above_max;
  int64_t bins[10];    /* rows in each tenth of the training rows, bounded by the deciles of the manifest */
  double out_of_range; /* below_min + above_max as a share of the rows; NaN before the first */
  double psi;          /* population stability index; NaN before the first row */
} sentio_drift;

/* Everything that decides whether a prediction becomes a signal; sentio_tfa_defaults fills it in. */
typedef struct sentio_tfa_options {
  uint32_t struct_size;
  uint32_t reserved;   /* 0 */
  int64_t interval_ns; /* as of sentio_options */
  /* Logit or probability, p the probability of a rise: long where p > buy_probability, short where
   * p < sell_probability. Classes, among which must be `up` and `down`: long where P(up) > buy_probability
   * and P(up) > P(down), short where P(down) > 1 - sell_probability and P(down) > P(up). */
  double buy_probability, sell_probability;
  double buy_return, sell_return; /* where the output is a return, in the label's unit */
  double confidence_floor;        /* a signal weaker than this is flat */
  int64_t cooldown_bars;          /* bars after a signal in which there is no other */
  const char* record;             /* as of sentio_options */
} sentio_tfa_options;

/* Flat is no signal at this bar, such as in the cooldown: it does not say that a position is to be closed. */
typedef int32_t sentio_side;
enum { SENTIO_SHORT = -1, SENTIO_FLAT = 0, SENTIO_LONG = 1 };

typedef struct sentio_signal {
  uint32_t struct_size;
  sentio_status status; /* of the bar */
  sentio_side side;
  uint32_t reserved; /* 0 */
  double strength; /* by how much the probabilities of a rise and of a fall differ, or a return's magnitude */
} sentio_signal;

typedef struct sentio_bundle sentio_bundle;
typedef struct sentio_session sentio_session;
typedef struct sentio_batch sentio_batch;
typedef struct sentio_tfa sentio_tfa;

/* Such as "0.1.0", and the SENTIO_ABI_VERSION that the library was built with. */
SENTIO_C_API const char* sentio_version(void) SENTIO_NOEXCEPT;
SENTIO_C_API uint32_t sentio_abi_version(void) SENTIO_NOEXCEPT;

/* The text of this thread's last call that did not return SENTIO_OK, or whose model failed; "" before. */
SENTIO_C_API const char* sentio_last_error(void) SENTIO_NOEXCEPT;
SENTIO_C_API const char* sentio_result_text(sentio_result result) SENTIO_NOEXCEPT;
SENTIO_C_API const char* sentio_status_text(sentio_status status) SENTIO_NOEXCEPT;
/* "long", "short" or "flat". */
SENTIO_C_API const char* sentio_side_text(sentio_side side) SENTIO_NOEXCEPT;
/* The name of one of this library's backends, NULL where there is no such. */
SENTIO_C_API const char* sentio_backend_name(int64_t place) SENTIO_NOEXCEPT;

/* Reads, verifies and replays the bundle in `folder`. One bundle serves any number of sessions in any thread;
 * it may be freed before they are. Freeing NULL does nothing. */
SENTIO_C_API sentio_result sentio_bundle_load(const char* folder, sentio_bundle** bundle) SENTIO_NOEXCEPT;
/* The same with a backend or a trusted key. */
SENTIO_C_API sentio_result sentio_bundle_load_with(const char* folder, const sentio_load_options* options,
                                                   sentio_bundle** bundle) SENTIO_NOEXCEPT;
SENTIO_C_API void sentio_bundle_free(sentio_bundle* bundle) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_bundle_get_info(const sentio_bundle* bundle,
                                                  sentio_bundle_info* info) SENTIO_NOEXCEPT;
/* The name of one of the F features, NULL where there is no such. */
SENTIO_C_API const char* sentio_bundle_feature_name(const sentio_bundle* bundle,
                                                    int64_t feature) SENTIO_NOEXCEPT;
/* The name of one of the C classes, NULL where there is no such. */
SENTIO_C_API const char* sentio_bundle_class_name(const sentio_bundle* bundle, int64_t place) SENTIO_NOEXCEPT;
/* The name of one of the backends that the bundle holds, the exporter's choice first; NULL where there is no
 * such. */
SENTIO_C_API const char* sentio_bundle_backend_name(const sentio_bundle* bundle,
                                                    int64_t place) SENTIO_NOEXCEPT;
/* How one of the F features was distributed in the training rows, against which its drift is counted. */
SENTIO_C_API sentio_result sentio_bundle_get_range(const sentio_bundle* bundle, int64_t feature,
                                                   sentio_range* range) SENTIO_NOEXCEPT;
/* The engine's state at the end of the training data, for sentio_session_restore. */
SENTIO_C_API sentio_result sentio_bundle_engine_state(const sentio_bundle* bundle, const void** state,
                                                      size_t* size) SENTIO_NOEXCEPT;

SENTIO_C_API sentio_result sentio_session_new(const sentio_bundle* bundle, const sentio_options* options,
                                              sentio_session** session) SENTIO_NOEXCEPT;
/* Another session that goes on from here by itself, on the same bundle, and records nothing. */
SENTIO_C_API sentio_result sentio_session_clone(const sentio_session* session,
                                                sentio_session** clone) SENTIO_NOEXCEPT;
SENTIO_C_API void sentio_session_free(sentio_session* session) SENTIO_NOEXCEPT;

/* Take past bars, oldest first, without asking the model; all of them or none. */
SENTIO_C_API sentio_result sentio_session_warm_up(sentio_session* session, const sentio_bar* bars,
                                                  size_t count) SENTIO_NOEXCEPT;
/* Copy the state to `state`, of `capacity` bytes, and tell its size. SENTIO_BAD_ARGUMENT, with `size` told
 * and nothing copied, where it does not fit: ask with NULL and 0 first. */
SENTIO_C_API sentio_result sentio_session_state(const sentio_session* session, void* state, size_t capacity,
                                                size_t* size) SENTIO_NOEXCEPT;
/* Go on from a session's or an engine's state. */
SENTIO_C_API sentio_result sentio_session_restore(sentio_session* session, const void* state,
                                                  size_t size) SENTIO_NOEXCEPT;

/* Take the bar that has just closed, and predict. SENTIO_OK whenever `outcome` tells what became of it. */
SENTIO_C_API sentio_result sentio_session_on_bar(sentio_session* session, const sentio_bar* bar,
                                                 sentio_outcome* outcome) SENTIO_NOEXCEPT;
/* Take it without asking the model; `status` SENTIO_PREDICTED then means that it could have been asked. */
SENTIO_C_API sentio_result sentio_session_observe(sentio_session* session, const sentio_bar* bar,
                                                  sentio_status* status) SENTIO_NOEXCEPT;
/* What sentio_session_on_bar would tell if the bar closed as it is now; nothing is committed. */
SENTIO_C_API sentio_result sentio_session_peek(sentio_session* session, const sentio_bar* bar,
                                               sentio_outcome* outcome) SENTIO_NOEXCEPT;
/* The last bar's features, of which there are `count` = F. */
SENTIO_C_API sentio_result sentio_session_features(const sentio_session* session, float* features,
                                                   size_t count) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_session_get_info(const sentio_session* session,
                                                   sentio_session_info* info) SENTIO_NOEXCEPT;
/* The bundle that it is on, as a handle of the caller's own to free. */
SENTIO_C_API sentio_result sentio_session_bundle(const sentio_session* session,
                                                 sentio_bundle** bundle) SENTIO_NOEXCEPT;
/* SENTIO_SYSTEM where recording has ended early, and sentio_last_error says why: the disk is full, for one.
 * Predictions go on. SENTIO_OK where it goes on, and where nothing is recorded. */
SENTIO_C_API sentio_result sentio_session_recording_error(const sentio_session* session) SENTIO_NOEXCEPT;
/* The drift of one of the F features, over the valid rows of the bars that were taken one by one, predicted
 * or observed: history and peeks are not counted. Counters are part of the state; they begin anew with
 * another bundle, and where they are reset. */
SENTIO_C_API sentio_result sentio_session_get_drift(const sentio_session* session, int64_t feature,
                                                    sentio_drift* drift) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_session_reset_drift(sentio_session* session) SENTIO_NOEXCEPT;

/* Go on with another bundle of the same input: interval, spec, window. */
SENTIO_C_API sentio_result sentio_session_swap(sentio_session* session,
                                               const sentio_bundle* bundle) SENTIO_NOEXCEPT;
/* The same where the input is another: go on as `*warmed`, a session of the other bundle that has taken the
 * same last bar. With SENTIO_OK it is freed, and `*warmed` is NULL; else nothing has changed. */
SENTIO_C_API sentio_result sentio_session_swap_warmed(sentio_session* session,
                                                      sentio_session** warmed) SENTIO_NOEXCEPT;

/* Sessions of many symbols that take a bar at the same time, up to `most` in a call: one call of the model
 * for all of them, where its outputs do not depend on what else is in the batch. A batch, and the sessions
 * that it is given, are for one thread at a time. */
SENTIO_C_API sentio_result sentio_batch_new(const sentio_bundle* bundle, size_t most,
                                            sentio_batch** batch) SENTIO_NOEXCEPT;
SENTIO_C_API void sentio_batch_free(sentio_batch* batch) SENTIO_NOEXCEPT;
/* bars[k] is for sessions[k], and outcomes[k] what sentio_session_on_bar tells of it, to the bit; a session
 * that comes twice takes its bars in order, one of another bundle is asked alone. All outcomes have the same
 * struct_size. With another result than SENTIO_OK, no bar was taken. */
SENTIO_C_API sentio_result sentio_batch_on_bars(sentio_batch* batch, sentio_session* const* sessions,
                                                const sentio_bar* bars, sentio_outcome* outcomes,
                                                size_t count) SENTIO_NOEXCEPT;

/* The strategy `tfa`: a session whose predictions become signals to go long or short, or none. */
SENTIO_C_API sentio_result sentio_tfa_defaults(sentio_tfa_options* options) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_tfa_new(const sentio_bundle* bundle, const sentio_tfa_options* options,
                                          sentio_tfa** tfa) SENTIO_NOEXCEPT;
/* Another strategy that goes on from here by itself, cooldown and all, and records nothing. */
SENTIO_C_API sentio_result sentio_tfa_clone(const sentio_tfa* tfa, sentio_tfa** clone) SENTIO_NOEXCEPT;
SENTIO_C_API void sentio_tfa_free(sentio_tfa* tfa) SENTIO_NOEXCEPT;
/* As of a session; the bars pass for the cooldown, too. */
SENTIO_C_API sentio_result sentio_tfa_warm_up(sentio_tfa* tfa, const sentio_bar* bars,
                                              size_t count) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_tfa_observe(sentio_tfa* tfa, const sentio_bar* bar,
                                              sentio_status* status) SENTIO_NOEXCEPT;
/* Take the bar that has just closed, and say whether it is a signal. `outcome`, which may be NULL, is what
 * sentio_session_on_bar tells. */
SENTIO_C_API sentio_result sentio_tfa_on_bar(sentio_tfa* tfa, const sentio_bar* bar, sentio_signal* signal,
                                             sentio_outcome* outcome) SENTIO_NOEXCEPT;
/* What sentio_tfa_on_bar would tell if the bar closed as it is now; nothing is committed. */
SENTIO_C_API sentio_result sentio_tfa_peek(sentio_tfa* tfa, const sentio_bar* bar, sentio_signal* signal,
                                           sentio_outcome* outcome) SENTIO_NOEXCEPT;
/* As of a session; the cooldown is part of it. A session's or an engine's state is taken, too: no cooldown is
 * left then. */
SENTIO_C_API sentio_result sentio_tfa_state(const sentio_tfa* tfa, void* state, size_t capacity,
                                            size_t* size) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_tfa_restore(sentio_tfa* tfa, const void* state,
                                              size_t size) SENTIO_NOEXCEPT;
/* Go on with another bundle of the same input, as sentio_session_swap; options and cooldown stay. Refused, too,
 * where the thresholds are not for its outputs: classes for a rise, another label's returns, or classes without
 * `up` and `down`. */
SENTIO_C_API sentio_result sentio_tfa_swap(sentio_tfa* tfa, const sentio_bundle* bundle) SENTIO_NOEXCEPT;
/* The same where the input or the thresholds are others: go on as `*warmed`, a strategy of the other bundle that
 * has taken the same last bar. Its options come with it; the cooldown and the record of `tfa` go on. With
 * SENTIO_OK it is freed, and `*warmed` is NULL; else nothing has changed. */
SENTIO_C_API sentio_result sentio_tfa_swap_warmed(sentio_tfa* tfa, sentio_tfa** warmed) SENTIO_NOEXCEPT;
SENTIO_C_API sentio_result sentio_tfa_reset_drift(sentio_tfa* tfa) SENTIO_NOEXCEPT;
/* Bars yet to come in which there is no signal. */
SENTIO_C_API sentio_result sentio_tfa_cooldown_left(const sentio_tfa* tfa, int64_t* bars) SENTIO_NOEXCEPT;
/* Its session, to be asked for features, drift and the like; not to be freed, and NULL where `tfa` is. */
SENTIO_C_API const sentio_session* sentio_tfa_session(const sentio_tfa* tfa) SENTIO_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif
