// The program of docs/guides/run-a-bundle.md, word for word; tests/runtime/test_runtime_bits.py runs it.
#include <cstdio>

#include "sentio/error.hpp"
#include "sentio/session.hpp"

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s BUNDLE < BARS\n", words[0]);
    return 2;
  }
  try {
    // Hashes, spec, golden features and golden outputs are checked here, or it throws.
    const auto bundle = sentio::Bundle::load(words[1]);

    // The feed's interval is said, not guessed: one minute into a model of five minutes is refused.
    sentio::Session session(bundle, {.interval_ns = 300'000'000'000});

    sentio::Bar bar{};
    while (std::scanf("%ld %lf %lf %lf %lf %lf", &bar.ts, &bar.open, &bar.high, &bar.low, &bar.close,
                      &bar.volume) == 6) {
      const sentio::Outcome outcome = session.on_bar(bar);  // never throws
      if (is_refusal(outcome.status)) {
        std::fprintf(stderr, "%ld: %s\n", bar.ts, describe(outcome.status).data());
      } else if (outcome.prediction) {
        std::printf("%ld %.9g\n", bar.ts, outcome.prediction->value);
      }
    }
  } catch (const sentio::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
