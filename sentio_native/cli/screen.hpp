// What every command shares: exit codes, the error that a user sees, and numbers read from words.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sentio::cli {

// As the Python command's, sentio/errors.py.
enum class Exit : int {
  done = 0,
  check_failed = 1,
  usage = 2,
  bad_input = 3,
  corrupt_store = 4,
  resources = 5,
  environment = 6,
};

// Ends the command with a code, one message and, where there is something to do, a hint.
class Failure : public std::runtime_error {
 public:
  Failure(Exit exit, const std::string& message, std::string hint = {})
      : std::runtime_error(message), exit_(exit), hint_(std::move(hint)) {}

  [[nodiscard]] Exit exit() const noexcept { return exit_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

 private:
  Exit exit_;
  std::string hint_;
};

// The whole word as a number. Throws Failure(usage), naming `option`.
[[nodiscard]] double to_number(std::string_view option, const std::string& word);
[[nodiscard]] std::int64_t to_count(std::string_view option, const std::string& word);

// "2026-01-31" of a day counted from 1970, and "2026-01-31T12:00:00Z" of nanoseconds.
[[nodiscard]] std::string date_text(std::int64_t day);
[[nodiscard]] std::string time_text(std::int64_t nanoseconds);

// The day of a time, counted from 1970, in UTC.
[[nodiscard]] std::int64_t day_of(std::int64_t nanoseconds) noexcept;

}  // namespace sentio::cli
