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

// What a session goes on from, and room for the bars after it: all the memory that writing them needs, so
// that a session changes only where its record can follow. `bundle_id` is 64 hex digits; `n_outputs` and
// `n_features` are those of each bar.
class StateRecord {
 public:
  StateRecord(std::string_view bundle_id, std::size_t n_outputs, std::size_t n_features,
              std::span<const std::byte> state);

 private:
  friend class RecordWriter;

  std::size_t n_outputs_;
  std::vector<std::byte> state_;  // but for its checksums
  std::vector<std::byte> bar_;
};

class RecordWriter {
 public:
  // Makes the file. Throws Error(bad_argument) where it is there already: a record is never written over;
  // std::system_error where the operating system refuses.
  explicit RecordWriter(const std::filesystem::path& file);
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Before the first bar, and wherever the session does not go on from the bar before.
  void write_state(StateRecord record) noexcept;
  // A bar that was taken; `outcome` of one that was not asked about has no prediction.
  void write_bar(const Bar& bar, bool asked, const Outcome& outcome,
                 std::span<const float> features) noexcept;

  // Why the record ends early, where it does: after an error nothing more is written.
  [[nodiscard]] std::error_code error() const noexcept { return error_; }

 private:
  void write(std::span<const std::byte> bytes) noexcept;

  int file_;
  std::error_code error_;
  std::uint32_t sum_ = 0;
  std::size_t n_outputs_ = 0;
  std::vector<std::byte> bar_;  // a bar's record, of which all but the length changes
};

}  // namespace sentio
