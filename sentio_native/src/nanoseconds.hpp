// Lengths of time in nanoseconds.
#pragma once

#include <cstdint>

namespace sentio {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kHour = 3600 * kSecond;
inline constexpr std::int64_t kDay = 24 * kHour;

}  // namespace sentio
