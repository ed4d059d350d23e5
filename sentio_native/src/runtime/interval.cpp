// Reading and writing the length of a bar.
#include "runtime/interval.hpp"

#include <charconv>
#include <utility>

namespace sentio {

std::optional<std::int64_t> parse_interval(std::string_view text) noexcept {
  constexpr std::size_t kLongest = 10;  // nine digits and a unit
  if (text.size() < 2 || text.size() > kLongest || text.front() < '1' || text.front() > '9')
    return std::nullopt;
  std::int64_t count = 0;
  const char* unit = text.data() + text.size() - 1;
  if (std::from_chars(text.data(), unit, count).ptr != unit) return std::nullopt;
  std::int64_t length = 0;
  switch (*unit) {
    case 's':
      length = kSecond;
      break;
    case 'm':
      length = 60 * kSecond;
      break;
    case 'h':
      length = kHour;
      break;
    case 'd':
      length = kDay;
      break;
    default:
      return std::nullopt;
  }
  if (count > 366 * kDay / length) return std::nullopt;
  return count * length;
}

std::string interval_text(std::int64_t interval) {
  constexpr std::pair<std::int64_t, char> kUnits[] = {
      {kDay, 'd'}, {kHour, 'h'}, {60 * kSecond, 'm'}, {kSecond, 's'}};
  for (const auto& [length, unit] : kUnits) {
    if (interval % length == 0) return std::to_string(interval / length) + unit;
  }
  return std::to_string(interval) + " ns";
}

}  // namespace sentio
