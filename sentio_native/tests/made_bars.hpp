// Valid bars for the tests: a deterministic walk, in sessions.
#pragma once

#include <algorithm>
#include <cstdint>

#include "runtime/bar_table.hpp"

namespace sentio::test {

inline constexpr std::int64_t kMinute = 60'000'000'000;

// A 64-bit linear congruential generator (Knuth, MMIX): the same numbers everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  // In [0, 1).
  double roll() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 11) * 0x1p-53;
  }

 private:
  std::uint64_t state_;
};

// `count` bars `step` apart, with a night of 17 hours after every `session` of them.
inline BarTable make_bars(std::size_t count, std::size_t session = 78, std::int64_t step = 5 * kMinute,
                          std::uint64_t seed = 7) {
  Dice dice(seed);
  BarTable bars;
  std::int64_t ts = 1'700'000'000'000'000'000;
  double price = 100;
  for (std::size_t i = 0; i < count; ++i) {
    const double open = price;
    const double close = open * (1.0 + 0.004 * (dice.roll() - 0.5));
    const double high = std::max(open, close) * (1.0 + 0.001 * dice.roll());
    const double low = std::min(open, close) * (1.0 - 0.001 * dice.roll());
    bars.push_back({ts, open, high, low, close, 1000.0 * dice.roll()});
    price = close;
    ts += (i + 1) % session == 0 ? 17 * 60 * kMinute : step;
  }
  return bars;
}

}  // namespace sentio::test
