// The length of a bar: from text ("5m") to nanoseconds, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "nanoseconds.hpp"

namespace sentio {

// "30s", "1m", "5m", "1h", "1d" and the like, up to 366d; none for any other text.
[[nodiscard]] std::optional<std::int64_t> parse_interval(std::string_view text) noexcept;

// The text that manifests hold, 3600 s being "1h": in the largest of these units that it is a multiple of,
// else in nanoseconds ("1500 ns").
[[nodiscard]] std::string interval_text(std::int64_t interval);

// The least time from one bar's open to the next: the interval, but for bars of a day or longer. These open
// at local midnight, and the day on which the clocks go forward has 23 hours.
[[nodiscard]] constexpr std::int64_t shortest_step(std::int64_t interval) noexcept {
  return interval >= kDay ? interval - kHour : interval;
}

// Whether a bar follows the one before, which is earlier, by less than `step`.
[[nodiscard]] constexpr bool is_closer_than(std::int64_t before, std::int64_t ts,
                                            std::int64_t step) noexcept {
  // Unsigned: the difference of two times may not fit a signed one.
  return static_cast<std::uint64_t>(ts) - static_cast<std::uint64_t>(before) <
         static_cast<std::uint64_t>(step);
}

}  // namespace sentio
