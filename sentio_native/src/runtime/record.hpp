// Writing down what a session took and said, as docs/reference/record.md lists it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "sentio/session.hpp"

namespace sentio {

class RecordWriter {
 public:
  // Makes the file. Throws Error(bad_argument) where it is there already: a record is never written over;
  // std::system_error where the operating system refuses.
  RecordWriter(const std::filesystem::path& file, std::size_t width);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // What the session goes on from: `n_outputs` are those of each bar from here on. `bundle_id` is 64 hex
  // digits.
  void write_state(std::string_view bundle_id, std::size_t n_outputs, std::span<const std::byte> state);
  // A bar that was taken; `outcome` of one that was not asked about has no prediction.
  void write_bar(const Bar& bar, bool asked, const Outcome& outcome,
                 std::span<const float> features) noexcept;

  // Why the record ends early, where it does: after an error nothing more is written.
  [[nodiscard]] std::error_code error() const noexcept { return error_; }

 private:
  enum class Kind : std::uint32_t { state = 1, bar = 2 };

  void write(std::span<const std::byte> bytes) noexcept;

  int file_;
  std::error_code error_;
  std::uint32_t sum_ = 0;
  std::size_t width_, n_outputs_ = 0;
  std::vector<std::byte> bar_;  // a bar's record, of which all but the length changes
};

}  // namespace sentio
