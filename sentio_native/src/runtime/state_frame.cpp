// Framing a state, and taking nothing from a frame that does not hold.
#include "runtime/state_frame.hpp"

#include <algorithm>

#include "sentio/error.hpp"
#include "sha256.hpp"
#include "state_archive.hpp"

namespace sentio {
namespace {

constexpr std::size_t kHead = 8 + 8;  // magic, version
constexpr std::size_t kChecksum = 32;

}  // namespace

std::vector<std::byte> begin_state(const StateFormat& format) {
  std::vector<std::byte> bytes;
  for (const char letter : format.magic) bytes.push_back(static_cast<std::byte>(letter));
  StateArchive archive(bytes);
  std::uint64_t version = format.version;
  archive(version);
  return bytes;
}

void seal_state(std::vector<std::byte>& bytes) {
  for (const std::uint8_t byte : sha256(std::span<const std::byte>(bytes)))
    bytes.push_back(static_cast<std::byte>(byte));
}

bool is_state(std::span<const std::byte> bytes, const StateFormat& format) noexcept {
  return bytes.size() >= format.magic.size() &&
         std::equal(format.magic.begin(), format.magic.end(), bytes.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

std::span<const std::byte> open_state(std::span<const std::byte> bytes, const StateFormat& format) {
  if (bytes.size() < kHead + kChecksum) refuse_state(format, "ends too early");
  StateArchive archive(bytes.subspan(format.magic.size()));
  std::uint64_t version = 0;
  archive(version);
  if (version != format.version) {
    refuse_state(format, "has format version " + std::to_string(version) + ", this runtime reads " +
                             std::to_string(format.version));
  }
  const Sha256 sum = sha256(bytes.first(bytes.size() - kChecksum));
  if (!std::equal(sum.begin(), sum.end(), bytes.last(kChecksum).begin(),
                  [](std::uint8_t a, std::byte b) { return static_cast<std::byte>(a) == b; })) {
    refuse_state(format, "is cut or damaged: its checksum does not fit");
  }
  return bytes.subspan(kHead, bytes.size() - kHead - kChecksum);
}

void refuse_state(const StateFormat& format, const std::string& why) {
  throw Error(ErrorCode::bad_state, std::string(format.what) + " " + why);
}

}  // namespace sentio
