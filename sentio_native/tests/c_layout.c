/* Prints the layout of every struct of the C interface: name, size, and the offset of each field. */
#include <stdio.h>

#include "sentio/sentio.h"

#define STRUCT(type) printf("%s size %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("%s.%s offset %zu\n", #type, #field, offsetof(type, field))

int main(void) {
  STRUCT(sentio_bar);
  FIELD(sentio_bar, ts);
  FIELD(sentio_bar, open);
  FIELD(sentio_bar, high);
  FIELD(sentio_bar, low);
  FIELD(sentio_bar, close);
  FIELD(sentio_bar, volume);
  STRUCT(sentio_options);
  FIELD(sentio_options, struct_size);
  FIELD(sentio_options, reserved);
  FIELD(sentio_options, interval_ns);
  STRUCT(sentio_outcome);
  FIELD(sentio_outcome, struct_size);
  FIELD(sentio_outcome, status);
  FIELD(sentio_outcome, value);
  FIELD(sentio_outcome, probability);
  FIELD(sentio_outcome, kind);
  FIELD(sentio_outcome, n_outputs);
  FIELD(sentio_outcome, horizon);
  FIELD(sentio_outcome, bar_ts);
  FIELD(sentio_outcome, values);
  FIELD(sentio_outcome, probabilities);
  STRUCT(sentio_bundle_info);
  FIELD(sentio_bundle_info, struct_size);
  FIELD(sentio_bundle_info, simulated);
  FIELD(sentio_bundle_info, bundle_id);
  FIELD(sentio_bundle_info, model_id);
  FIELD(sentio_bundle_info, version);
  FIELD(sentio_bundle_info, symbol);
  FIELD(sentio_bundle_info, interval);
  FIELD(sentio_bundle_info, backend);
  FIELD(sentio_bundle_info, interval_ns);
  FIELD(sentio_bundle_info, seq_len);
  FIELD(sentio_bundle_info, n_features);
  FIELD(sentio_bundle_info, horizon);
  FIELD(sentio_bundle_info, kind);
  FIELD(sentio_bundle_info, windows_cross_sessions);
  FIELD(sentio_bundle_info, n_outputs);
  STRUCT(sentio_session_info);
  FIELD(sentio_session_info, struct_size);
  FIELD(sentio_session_info, has_last_ts);
  FIELD(sentio_session_info, last_ts);
  FIELD(sentio_session_info, bars_seen);
  FIELD(sentio_session_info, bars_missing);
  STRUCT(sentio_drift);
  FIELD(sentio_drift, struct_size);
  FIELD(sentio_drift, reserved);
  FIELD(sentio_drift, rows);
  FIELD(sentio_drift, below_min);
  FIELD(sentio_drift, above_max);
  FIELD(sentio_drift, bins);
  FIELD(sentio_drift, out_of_range);
  FIELD(sentio_drift, psi);
  return 0;
}
