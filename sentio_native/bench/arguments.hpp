// What the programs that measure are told on their command lines.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>

namespace sentio {

// Throws std::runtime_error where the word is no positive whole number.
inline std::size_t count(const char* text) {
  std::size_t value = 0;
  const char* end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end || value == 0) {
    throw std::runtime_error(std::string(text) + ": a positive whole number is needed");
  }
  return value;
}

}  // namespace sentio
