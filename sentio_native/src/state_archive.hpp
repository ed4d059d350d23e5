// One list of fields for both directions: what a kernel saves is what it loads, in the same order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sentio/error.hpp"

namespace sentio {

class StateArchive {
 public:
  // Saving appends to `bytes`.
  explicit StateArchive(std::vector<std::byte>& bytes) noexcept : sink_(&bytes) {}
  // Loading reads from `bytes`.
  explicit StateArchive(std::span<const std::byte> bytes) noexcept : source_(bytes) {}

  void operator()(double& value) {
    // One NaN only, so that equal states are equal bytes.
    std::uint64_t bits = value != value ? 0x7FF8000000000000u : std::bit_cast<std::uint64_t>(value);
    (*this)(bits);
    value = std::bit_cast<double>(bits);
  }

  void operator()(std::int64_t& value) {
    auto bits = std::bit_cast<std::uint64_t>(value);
    (*this)(bits);
    value = std::bit_cast<std::int64_t>(bits);
  }

  // Little-endian whatever the machine, so that a snapshot travels.
  void operator()(std::uint64_t& value) {
    if (sink_ != nullptr) {
      for (int i = 0; i < 8; ++i) sink_->push_back(static_cast<std::byte>(value >> (8 * i)));
      return;
    }
    if (source_.size() < 8) throw Error(ErrorCode::bad_state, "the snapshot ends too early");
    value = 0;
    for (std::size_t i = 0; i < 8; ++i) value |= std::to_integer<std::uint64_t>(source_[i]) << (8 * i);
    source_ = source_.subspan(8);
  }

  [[nodiscard]] std::size_t left() const noexcept { return source_.size(); }

 private:
  std::vector<std::byte>* sink_ = nullptr;
  std::span<const std::byte> source_;
};

}  // namespace sentio
