// One list of fields for both directions: what a kernel saves is what it loads, in the same order.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sentio/error.hpp"

namespace sentio {

// Saving reads its fields and writes none, so that threads may save one engine at the same time; loading
// refuses what no engine ever saves.
class StateArchive {
 public:
  // Saving appends to `bytes`.
  explicit StateArchive(std::vector<std::byte>& bytes) noexcept : sink_(&bytes) {}
  // Loading reads from `bytes`.
  explicit StateArchive(std::span<const std::byte> bytes) noexcept : source_(bytes) {}

  void operator()(double& value) {
    if (sink_ != nullptr) return put(std::bit_cast<std::uint64_t>(value));
    value = std::bit_cast<double>(take());
    if (!std::isfinite(value)) refuse("the snapshot holds a number that is not finite");
  }

  void operator()(bool& value) {
    if (sink_ != nullptr) return put(value ? 1 : 0);
    const std::uint64_t word = take();
    if (word > 1) refuse("the snapshot holds a truth value that is neither 0 nor 1");
    value = word == 1;
  }

  // A count that is never outside [least, most].
  void operator()(std::int64_t& value, std::int64_t least, std::int64_t most) {
    (*this)(value);
    if (sink_ == nullptr && (value < least || value > most)) {
      refuse("the snapshot holds a count that is out of its bounds");
    }
  }

  void operator()(std::int64_t& value) {
    if (sink_ != nullptr) return put(std::bit_cast<std::uint64_t>(value));
    value = std::bit_cast<std::int64_t>(take());
  }

  void operator()(std::uint64_t& value) {
    if (sink_ != nullptr) return put(value);
    value = take();
  }

  [[nodiscard]] std::size_t left() const noexcept { return source_.size(); }

 private:
  [[noreturn]] static void refuse(const char* why) { throw Error(ErrorCode::bad_state, why); }

  // Little-endian whatever the machine, so that a snapshot travels.
  void put(std::uint64_t word) {
    for (int i = 0; i < 8; ++i) sink_->push_back(static_cast<std::byte>(word >> (8 * i)));
  }

  std::uint64_t take() {
    if (source_.size() < 8) refuse("the snapshot ends too early");
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word |= std::to_integer<std::uint64_t>(source_[i]) << (8 * i);
    source_ = source_.subspan(8);
    return word;
  }

  std::vector<std::byte>* sink_ = nullptr;
  std::span<const std::byte> source_;
};

}  // namespace sentio
