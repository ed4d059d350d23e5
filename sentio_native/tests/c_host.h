/* What the hosts in C share: checks, bars in, values out. */
#ifndef SENTIO_C_HOST_H
#define SENTIO_C_HOST_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sentio/sentio.h"

#define CHECK(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__, #condition, sentio_last_error()); \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)

static inline int refused(sentio_result result, sentio_result expected, const char* words) {
  if (result == expected && strstr(sentio_last_error(), words) != NULL) return 1;
  fprintf(stderr, "result %d, expected %d with '%s'\n", (int)result, (int)expected, words);
  return 0;
}

/* From stdin: ts open high low close volume. */
static inline int next_bar(sentio_bar* bar) {
  return scanf("%" SCNd64 " %lf %lf %lf %lf %lf", &bar->ts, &bar->open, &bar->high, &bar->low, &bar->close,
               &bar->volume) == 6;
}

static inline void print_values(int64_t ts, const double* values, uint32_t count) {
  printf("%" PRId64, ts);
  for (uint32_t k = 0; k < count; ++k) printf(" %.9g", values[k]);
  printf("\n");
}

#endif
