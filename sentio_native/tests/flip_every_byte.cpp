// Flips a bit of every byte of a signed bundle, and counts what is refused: the bundle and the public key are
// its arguments. A file is put alone beside its own line of SHA256SUMS, so that a flip costs one file's hash
// rather than the bundle's. tests/runtime/test_every_byte.py runs it.
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

#include "made_bundle.hpp"
#include "runtime/sealed_folder.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;
namespace fs = std::filesystem;

std::string read_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Calls `is_refused` with each byte of the file changed in turn, and prints how many there were. The file is
// whole before and after, and then must be accepted.
template <class IsRefused>
std::size_t flip(const fs::path& file, const std::string& name, IsRefused&& is_refused) {
  const std::string bytes = read_file(file);
  if (is_refused()) throw std::runtime_error(name + ": is refused as it is");
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t place, int byte) {
    stream.seekp(static_cast<std::streamoff>(place)).put(static_cast<char>(byte)).flush();
    if (!stream) throw std::runtime_error(name + ": cannot be written");
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    put(i, bytes[i] ^ (1 << (i % 8)));
    if (!is_refused())
      throw std::runtime_error(name + ": accepted with byte " + std::to_string(i) + " changed");
    put(i, bytes[i]);
  }
  if (is_refused() || read_file(file) != bytes) throw std::runtime_error(name + ": was not put back");
  std::cout << name << ' ' << bytes.size() << '\n';
  return bytes.size();
}

bool is_corrupt(const fs::path& folder) {
  try {
    (void)SealedFolder::read(folder);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::corrupt) return true;
    throw;
  }
  return false;
}

std::size_t flip_listed(const fs::path& bundle) {
  std::size_t flips = 0;
  std::istringstream lines(read_file(bundle / "SHA256SUMS"));
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(66);  // behind 64 digits and two spaces
    const TemporaryFolder alone;
    write_file(alone.path() / name, read_file(bundle / name));
    write_file(alone.path() / "SHA256SUMS", line + "\n");
    flips += flip(alone.path() / name, name, [&] { return is_corrupt(alone.path()); });
  }
  return flips;
}

// The list itself and its signature, which nothing hashes, beside all files.
std::size_t flip_list(const fs::path& bundle, const LoadOptions& options) {
  const TemporaryFolder folder;
  fs::copy(bundle, folder.path(), fs::copy_options::recursive);
  const std::size_t list =
      flip(folder.path() / "SHA256SUMS", "SHA256SUMS", [&] { return is_corrupt(folder.path()); });
  return list + flip(folder.path() / "SHA256SUMS.sig", "SHA256SUMS.sig", [&] {
           const VerifyReport report = verify_bundle(folder.path(), options);
           if (report.ok()) return false;
           const Check& last = report.checks.back();
           if (last.name != "signature" || last.ok)
             throw std::runtime_error("refused by another check: " + last.name);
           return true;
         });
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  try {
    const LoadOptions options{.backend = "native", .trusted_key = words[2]};
    const std::size_t flips = flip_listed(words[1]) + flip_list(words[1], options);
    std::cout << "all " << flips << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
