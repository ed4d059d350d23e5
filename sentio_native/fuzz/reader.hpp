// What a fuzzer is: a reader that is given bytes from outside, which it must take or refuse, never anything
// else.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sentio/error.hpp"

namespace sentio::fuzz {

// Each fuzzer defines these two; libfuzzer.cpp and replay.cpp call them.

// Gives the bytes to the reader; whether it took them.
bool read(std::span<const std::byte> bytes);

// What the reader takes, in today's format: where a search begins.
std::vector<std::string> seeds();

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A promise of the reader's that did not hold: the sanitizers tell where.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// Runs `action`; false where it refuses. Error is the one exception that a reader may leave by, and only with
// one of these codes.
template <class Action>
bool take_or_refuse(std::initializer_list<ErrorCode> allowed, Action&& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    for (const ErrorCode code : allowed) {
      if (error.code() == code) return false;
    }
    std::abort();
  }
}

}  // namespace sentio::fuzz
