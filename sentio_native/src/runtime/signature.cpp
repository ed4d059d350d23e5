// Checking a signature, by the system's OpenSSL where the build has it.
#include "runtime/signature.hpp"

#include "sentio/error.hpp"
#include "sha256.hpp"

#ifdef SENTIO_HAS_OPENSSL
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>
#include <memory>
#endif

namespace sentio {

std::string TrustedKey::fingerprint() const {
  return to_hex(sha256(std::as_bytes(std::span(key_))));
}

#ifdef SENTIO_HAS_OPENSSL
namespace {

constexpr std::size_t kSignatureSize = 64;
// A key in PEM takes some hundred; a device may have no end.
constexpr std::size_t kMostKeyBytes = std::size_t{64} << 10;

// OpenSSL asks on the terminal for the password of a locked PEM, unless there is this. A public key has none.
int refuse_password(char*, int, int, void*) {
  return -1;
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* value) const noexcept {
    Free(value);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

TrustedKey::TrustedKey(std::string_view text_or_path) {
  if (text_or_path.empty()) throw Error(ErrorCode::bad_argument, "trusted_key is empty");
  std::string text(text_or_path), place = "trusted_key";
  if (!text.starts_with("-----BEGIN")) {
    place = text;
    std::ifstream stream(place, std::ios::binary);
    if (!stream || std::filesystem::is_directory(place)) {
      throw Error(ErrorCode::missing, place + ": is not a key file");
    }
    text.resize(kMostKeyBytes + 1);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
  }
  if (text.size() > kMostKeyBytes) {
    throw Error(ErrorCode::bad_argument, place + ": holds more than 64 KiB, which is no key in PEM");
  }
  const std::unique_ptr<BIO, Freed<&BIO_free>> source(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  const Key key(source ? PEM_read_bio_PUBKEY(source.get(), nullptr, &refuse_password, nullptr) : nullptr);
  std::size_t size = key_.size();
  const bool good = key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 &&
                    EVP_PKEY_get_raw_public_key(key.get(), key_.data(), &size) == 1 && size == key_.size();
  ERR_clear_error();  // what is refused is told by us
  if (!good) throw Error(ErrorCode::bad_argument, place + ": holds no Ed25519 public key in PEM");
}

void TrustedKey::check(std::span<const std::byte> message,
                       std::optional<std::span<const std::byte>> signature) const {
  const std::string name = kSignatureName;
  if (!signature) throw Error(ErrorCode::bad_bundle, "the bundle is unsigned: it has no " + name);
  if (signature->size() != kSignatureSize) {
    throw Error(ErrorCode::bad_bundle, name + " has " + std::to_string(signature->size()) +
                                           " bytes, a signature has " + std::to_string(kSignatureSize));
  }
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key_.data(), key_.size()));
  const std::unique_ptr<EVP_MD_CTX, Freed<&EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const bool good =
      key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), raw(*signature), signature->size(), raw(message), message.size()) == 1;
  ERR_clear_error();
  if (!good) {
    throw Error(ErrorCode::bad_bundle,
                name + " is no signature of this SHA256SUMS by the trusted key " + fingerprint());
  }
}

#else

TrustedKey::TrustedKey(std::string_view) {
  throw Error(ErrorCode::unsupported,
              "a signature is asked for, and this build cannot check one; build it with -DSENTIO_OPENSSL=ON");
}

void TrustedKey::check(std::span<const std::byte>, std::optional<std::span<const std::byte>>) const {}

#endif

}  // namespace sentio
