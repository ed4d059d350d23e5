// What holds of anything that was restored from bytes, an engine or a session.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "reader.hpp"
#include "sentio/bar.hpp"

namespace sentio::fuzz {

// Bars that may come after the last one: the very next, and one that is far away.
inline std::vector<Bar> later_bars(std::optional<std::int64_t> last, std::int64_t interval) {
  constexpr std::int64_t kFarAway = std::int64_t{1} << 62;
  std::vector<Bar> bars;
  for (const std::int64_t ts :
       {last.value_or(0) < kFarAway ? last.value_or(0) + interval : kFarAway, 2 * (kFarAway - 1)}) {
    bars.push_back({ts, 10, 11, 9, 10.5, 100});
  }
  return bars;
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

// Bytes from `start` on, as text: a seed.
inline std::string text_from(std::span<const std::byte> bytes, std::size_t start, std::size_t left_off) {
  return std::string(text_of(bytes.subspan(start, bytes.size() - start - left_off)));
}

inline void append(std::vector<std::byte>& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

}  // namespace sentio::fuzz
