// What every fuzzer does: give its reader bytes from outside, which it must take or refuse, never anything
// else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "sentio/error.hpp"

// The entry that libFuzzer and replay.cpp call.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sentio::fuzz {

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A promise of the reader's that did not hold: the sanitizers tell where.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// Runs `read`. Error is the one exception that a reader may leave by, and only with one of these codes.
template <class Read>
void read_or_refuse(std::initializer_list<ErrorCode> allowed, Read&& read) {
  try {
    read();
  } catch (const Error& error) {
    for (const ErrorCode code : allowed) {
      if (error.code() == code) return;
    }
    std::abort();
  }
}

}  // namespace sentio::fuzz
