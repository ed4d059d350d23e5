// One write a record, so that what a process has said outlives it.
#include "runtime/record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <limits>
#include <utility>

#include "crc32.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

constexpr std::string_view kRecordMagic = "SENTIORC";
constexpr std::uint64_t kVersion = 2;
enum class Kind : std::uint32_t { state = 1, bar = 2 };

constexpr std::size_t kFrameHead = 4 + 4 + 4;           // kind, length, checksum
constexpr std::size_t kBarPayload = 8 + 5 * 8 + 4 + 4;  // and outputs and features

// Little-endian, whatever the machine, into memory that is there.
class Pen {
 public:
  explicit Pen(std::span<std::byte> to) noexcept : to_(to) {}

  void operator()(std::uint32_t word) noexcept { put(word, 4); }
  void operator()(std::uint64_t word) noexcept { put(word, 8); }
  void operator()(double value) noexcept { put(std::bit_cast<std::uint64_t>(value), 8); }
  void operator()(float value) noexcept { put(std::bit_cast<std::uint32_t>(value), 4); }
  void operator()(std::span<const std::byte> bytes) noexcept {
    std::copy(bytes.begin(), bytes.end(), to_.begin());
    to_ = to_.subspan(bytes.size());
  }

 private:
  void put(std::uint64_t word, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) to_[i] = static_cast<std::byte>(word >> (8 * i));
    to_ = to_.subspan(count);
  }

  std::span<std::byte> to_;
};

// Writes both checksums of a record that is complete but for them; returns the second.
std::uint32_t put_sums(std::span<std::byte> record, std::uint32_t before) noexcept {
  const auto put = [&before](std::span<std::byte> part) {
    Pen pen(part.last(4));
    pen(before = crc32(part.first(part.size() - 4), before));
  };
  put(record.first(kFrameHead));
  put(record.subspan(kFrameHead));
  return before;
}

std::byte hex_digit(char digit) noexcept {
  return static_cast<std::byte>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

}  // namespace

StateRecord::StateRecord(std::string_view bundle_id, std::size_t n_outputs, std::size_t n_features,
                         std::span<const std::byte> state)
    : n_outputs_(n_outputs),
      state_(kFrameHead + bundle_id.size() / 2 + 8 + state.size() + 4),
      bar_(kFrameHead + kBarPayload + 4 * (n_outputs + n_features) + 4) {
  std::vector<std::byte> id;
  for (std::size_t i = 0; i + 1 < bundle_id.size(); i += 2)
    id.push_back(hex_digit(bundle_id[i]) << 4 | hex_digit(bundle_id[i + 1]));
  Pen pen(state_);
  pen(static_cast<std::uint32_t>(Kind::state));
  pen(static_cast<std::uint32_t>(id.size() + 8 + state.size()));
  pen(std::uint32_t{0});  // the checksum, which the records before decide
  pen(std::span<const std::byte>(id));
  pen(std::uint64_t{n_outputs});
  pen(state);
}

RecordWriter::RecordWriter(const std::filesystem::path& file)
    : file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (file_ < 0) {
    if (errno == EEXIST)
      throw Error(ErrorCode::bad_argument, file.string() + ": is there already; a record needs a new file");
    throw std::system_error(errno, std::generic_category(), file.string());
  }
  std::array<std::byte, 16> header{};
  Pen pen(header);
  pen(std::as_bytes(std::span(kRecordMagic)));
  pen(kVersion);
  write(header);
}

RecordWriter::~RecordWriter() {
  ::close(file_);
}

void RecordWriter::write_state(StateRecord record) noexcept {
  n_outputs_ = record.n_outputs_;
  bar_ = std::move(record.bar_);
  sum_ = put_sums(record.state_, sum_);
  write(record.state_);
}

void RecordWriter::write_bar(const Bar& bar, bool asked, const Outcome& outcome,
                             std::span<const float> features) noexcept {
  Pen pen(bar_);
  pen(static_cast<std::uint32_t>(Kind::bar));
  pen(static_cast<std::uint32_t>(bar_.size() - kFrameHead - 4));
  pen(std::uint32_t{0});
  pen(static_cast<std::uint64_t>(bar.ts));
  for (const double value : {bar.open, bar.high, bar.low, bar.close, bar.volume}) pen(value);
  pen(static_cast<std::uint32_t>(outcome.status));
  pen(std::uint32_t{asked});
  for (std::size_t k = 0; k < n_outputs_; ++k) {
    pen(outcome.prediction ? static_cast<float>(outcome.prediction->values[k])
                           : std::numeric_limits<float>::quiet_NaN());
  }
  for (const float value : features) pen(value);
  sum_ = put_sums(bar_, sum_);
  write(bar_);
}

void RecordWriter::write(std::span<const std::byte> bytes) noexcept {
  while (!error_ && !bytes.empty()) {
    const ::ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error_ = std::error_code(errno, std::generic_category());
    }
  }
}

}  // namespace sentio
