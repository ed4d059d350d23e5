// Where a trading session starts, told from the gaps between bars alone: no calendar and no time zone.
#pragma once

#include <cstdint>

namespace sentio {

// From one bar's open to the next one's, in seconds. Unsigned: the difference of two times may not fit a
// signed one.
[[nodiscard]] inline double gap_seconds(std::int64_t before, std::int64_t ts) noexcept {
  return static_cast<double>(static_cast<std::uint64_t>(ts) - static_cast<std::uint64_t>(before)) / 1e9;
}

// Whether a bar opens a session: it follows the one before by at least `session_gap`, once any two bars have
// been closer than that. Bars of a day or longer never are, and make one session. `gap` and `session_gap` in
// seconds: gap_seconds(0, nanoseconds) of a spec's session gap. `closer_seen` is the caller's memory, false
// before the second bar; the first bar of all has no gap, opens a session, and must not be asked about.
[[nodiscard]] inline bool opens_session(double gap, double session_gap, bool& closer_seen) noexcept {
  if (gap < session_gap) {
    closer_seen = true;
    return false;
  }
  return closer_seen;
}

}  // namespace sentio
