// The detached signature of a sealed folder: SHA256SUMS.sig, 64 bytes of Ed25519 (RFC 8032) over SHA256SUMS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sentio {

inline constexpr const char* kSignatureName = "SHA256SUMS.sig";

// A public key whose signatures are believed.
class TrustedKey {
 public:
  // PEM text, or the path of such a file. Throws Error(missing) where there is no such file,
  // Error(bad_argument) where it holds no Ed25519 public key, Error(unsupported) where this build has no
  // Ed25519.
  explicit TrustedKey(std::string_view text_or_path);

  // Throws Error(bad_bundle) where `signature` is missing or is not this key's over `message`.
  void check(std::span<const std::byte> message, std::optional<std::span<const std::byte>> signature) const;

  // The SHA-256 of the key's 32 bytes, 64 hex digits.
  [[nodiscard]] std::string fingerprint() const;

 private:
  std::array<std::uint8_t, 32> key_{};
};

}  // namespace sentio
