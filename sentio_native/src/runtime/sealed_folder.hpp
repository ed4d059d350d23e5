// A folder sealed with SHA256SUMS: the bytes that were hashed are the bytes that are used.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/descriptor.hpp"
#include "runtime/hashed_file.hpp"

namespace sentio {

// What reading a sealed folder is to expect.
struct ExpectedFiles {
  // Not kept in memory, whatever their size, but open, for take().
  std::span<const std::string_view> large{};
  // Where another name is listed, no file is read; empty: any name.
  std::span<const std::string_view> allowed{};
};

class SealedFolder {
 public:
  // Of all files together that are kept in memory, and of SHA256SUMS and of the signature: more is refused,
  // so that a folder of unknown origin costs no more before its hashes are known.
  static constexpr std::size_t kMostBytes = std::size_t{1} << 30;
  static constexpr std::size_t kMostListBytes = std::size_t{1} << 20;

  // Opens a folder and reads SHA256SUMS and its signature alone, so that these can be checked first. Throws
  // Error(missing) where the folder is not there; Error(corrupt) where one of the two is no plain file or too
  // large; std::system_error where the operating system refuses.
  [[nodiscard]] static SealedFolder open(const std::filesystem::path& folder);

  // Reads every listed file, once, opening nothing else, and compares its hash with SHA256SUMS. Throws
  // Error(corrupt), with a problem for each, where a file differs, is missing, is too large, or is neither a
  // plain file nor a folder (a link, for one), where a file or a folder is not listed, or where a name is not
  // allowed, absolute, holds "..", or comes twice; std::system_error where the operating system refuses.
  void read_files(const ExpectedFiles& files);

  [[nodiscard]] static SealedFolder read(const std::filesystem::path& folder,
                                         const ExpectedFiles& files = {});

  // SHA256SUMS, and SHA256SUMS.sig where there is one: the only file that is not listed. It is not checked
  // here.
  [[nodiscard]] std::span<const std::byte> sums() const noexcept { return sums_; }
  [[nodiscard]] std::optional<std::span<const std::byte>> signature() const noexcept { return signature_; }
  // The SHA-256 of SHA256SUMS, 64 hex digits.
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] std::vector<std::string> names() const;  // of those in memory, ascending
  // A file's bytes, valid as long as this folder. Throws Error(bad_bundle) where there is no such file.
  [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const;
  [[nodiscard]] std::string_view text(std::string_view name) const;
  // A large file, at its beginning, once. Throws Error(bad_bundle) where there is no such file.
  [[nodiscard]] HashedFile take(std::string_view name);

 private:
  std::filesystem::path folder_;
  Descriptor root_{-1};  // until its files are read
  std::string id_;
  std::vector<std::byte> sums_;
  std::optional<std::vector<std::byte>> signature_;
  std::map<std::string, std::vector<std::byte>, std::less<>> files_;
  std::map<std::string, HashedFile, std::less<>> large_;
};

}  // namespace sentio
