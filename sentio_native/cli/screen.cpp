// Words to numbers, and times to words.
#include "screen.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>

#include "runtime/interval.hpp"

namespace sentio::cli {
namespace {

template <class Number>
Number whole_word(std::string_view option, const std::string& word, const char* what) {
  Number value{};
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (word.empty() || error != std::errc() || stop != end) {
    throw Failure(Exit::usage, std::string(option) + ": '" + word + "' is not " + what);
  }
  return value;
}

}  // namespace

double to_number(std::string_view option, const std::string& word) {
  const auto value = whole_word<double>(option, word, "a number");
  if (value - value != 0.0)
    throw Failure(Exit::usage, std::string(option) + ": '" + word + "' is not finite");
  return value;
}

std::int64_t to_count(std::string_view option, const std::string& word) {
  const auto value = whole_word<std::int64_t>(option, word, "a whole number");
  if (value < 1) throw Failure(Exit::usage, std::string(option) + ": " + word + " is smaller than 1");
  return value;
}

std::int64_t day_of(std::int64_t nanoseconds) noexcept {
  return nanoseconds / kDay - (nanoseconds % kDay < 0 ? 1 : 0);
}

std::string date_text(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

std::string time_text(std::int64_t nanoseconds) {
  const std::int64_t day = day_of(nanoseconds);
  const std::int64_t second = (nanoseconds - day * kDay) / kSecond;
  char text[32];
  std::snprintf(text, sizeof text, "T%02d:%02d:%02dZ", static_cast<int>(second / 3600),
                static_cast<int>(second / 60 % 60), static_cast<int>(second % 60));
  return date_text(day) + text;
}

}  // namespace sentio::cli
