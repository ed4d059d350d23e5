// Reading and checking a sealed folder. Everything is opened relative to one open folder and never through a
// link, so that a folder which is replaced meanwhile is read whole or refused.
#include "runtime/sealed_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "runtime/descriptor.hpp"
#include "runtime/signature.hpp"
#include "runtime/sums.hpp"
#include "sentio/error.hpp"
#include "sha256.hpp"

namespace sentio {
namespace {

[[noreturn]] void fail(const std::string& place) {
  throw std::system_error(errno, std::generic_category(), place);
}

std::vector<std::byte> read_all(int fd, std::size_t size, const std::string& place) {
  std::vector<std::byte> bytes(size + 1);  // one more, so that the end is seen without growing
  std::size_t filled = 0;
  while (true) {
    const ssize_t got = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(place);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled == bytes.size()) bytes.resize(2 * bytes.size());
  }
  bytes.resize(filled);
  return bytes;
}

// Reads the listed files below an open folder, and names whatever else is there.
class Walk {
 public:
  Walk(const std::filesystem::path& root, const Listing& listing, std::span<const std::string_view> large,
       std::vector<Problem>& problems)
      : root_(root), listing_(listing), large_(large), problems_(problems) {}

  void enter(int folder, const std::string& prefix) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(folder), &::closedir);
    if (!entries) fail(place(prefix));
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(entries.get());
      if (entry == nullptr && errno != 0) fail(place(prefix));
      if (entry == nullptr) return;
      const std::string name = entry->d_name;
      if (name != "." && name != "..") visit(::dirfd(entries.get()), name, prefix + name);
    }
  }

  // The hash of a listed file that was found, "" where it was not.
  [[nodiscard]] std::string hash_of(const std::string& name) const {
    if (const auto file = found.find(name); file != found.end()) return to_hex(sha256(file->second));
    const auto file = found_large.find(name);
    return file != found_large.end() ? to_hex(file->second.hash()) : "";
  }

  std::map<std::string, std::vector<std::byte>, std::less<>> found;
  std::map<std::string, HashedFile, std::less<>> found_large;

 private:
  [[nodiscard]] std::string place(const std::string& name) const { return (root_ / name).string(); }

  void visit(int folder, const std::string& name, const std::string& path) {
    // Not blocking: opening a pipe that nobody writes to would wait for ever.
    Descriptor opened(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (opened.get() < 0) {
      if (errno != ELOOP && errno != ENXIO) fail(place(path));
      problems_.push_back({path, "is a link or not a file"});
      return;
    }
    struct stat facts{};
    if (::fstat(opened.get(), &facts) != 0) fail(place(path));
    if (S_ISDIR(facts.st_mode)) {
      enter(opened.release(), path + "/");
    } else if (path == kSumsName) {
      return;  // read already
    } else if (path != kSignatureName && !listing_.contains(path)) {
      problems_.push_back({path, std::string("is not listed in ") + kSumsName});
    } else if (!S_ISREG(facts.st_mode)) {
      problems_.push_back({path, "is not a file"});
    } else if (std::find(large_.begin(), large_.end(), path) != large_.end()) {
      found_large.try_emplace(path, std::move(opened), place(path)).first->second.read_through();
    } else {
      found.emplace(path, read_all(opened.get(), static_cast<std::size_t>(facts.st_size), place(path)));
    }
  }

  const std::filesystem::path& root_;
  const Listing& listing_;
  std::span<const std::string_view> large_;
  std::vector<Problem>& problems_;
};

[[noreturn]] void refuse(const std::filesystem::path& folder, std::vector<Problem> problems) {
  std::sort(problems.begin(), problems.end(),
            [](const Problem& a, const Problem& b) { return a.path < b.path; });
  throw Error(ErrorCode::corrupt, folder.string() + ": is damaged", std::move(problems));
}

}  // namespace

SealedFolder SealedFolder::read(const std::filesystem::path& folder,
                                std::span<const std::string_view> large) {
  Descriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) {
    if (errno != ENOENT && errno != ENOTDIR) fail(folder.string());
    throw Error(ErrorCode::missing, folder.string() + ": is not a folder");
  }
  const Descriptor sums(::openat(root.get(), kSumsName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (sums.get() < 0 && errno == ENOENT) {
    throw Error(ErrorCode::corrupt, folder.string() + ": holds no " + kSumsName);
  }
  if (sums.get() < 0 && errno == ELOOP) refuse(folder, {{kSumsName, "is a link"}});
  struct stat facts{};
  if (sums.get() < 0 || ::fstat(sums.get(), &facts) != 0) fail((folder / kSumsName).string());
  if (!S_ISREG(facts.st_mode)) refuse(folder, {{kSumsName, "is not a file"}});

  SealedFolder sealed;
  sealed.sums_ = read_all(sums.get(), static_cast<std::size_t>(facts.st_size), (folder / kSumsName).string());
  sealed.id_ = to_hex(sha256(sealed.sums()));
  std::vector<Problem> problems;
  const Listing listing = parse_sums(sealed.sums_, problems);

  Walk walk(folder, listing, large, problems);
  walk.enter(root.release(), "");
  for (const auto& [name, hash] : listing) {
    const std::string found = walk.hash_of(name);
    if (found.empty()) {
      problems.push_back({name, "is missing"});
    } else if (found != hash) {
      problems.push_back({name, "its bytes are not those that were sealed"});
    }
  }
  if (!problems.empty()) refuse(folder, std::move(problems));
  if (auto signature = walk.found.extract(kSignatureName)) sealed.signature_ = std::move(signature.mapped());
  sealed.files_ = std::move(walk.found);
  sealed.large_ = std::move(walk.found_large);
  return sealed;
}

std::vector<std::string> SealedFolder::names() const {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files_) names.push_back(name);
  return names;
}

std::span<const std::byte> SealedFolder::bytes(std::string_view name) const {
  const auto file = files_.find(name);
  if (file == files_.end()) throw Error(ErrorCode::bad_bundle, std::string(name) + ": is missing");
  return file->second;
}

std::string_view SealedFolder::text(std::string_view name) const {
  const auto all = bytes(name);
  return {reinterpret_cast<const char*>(all.data()), all.size()};
}

HashedFile SealedFolder::take(std::string_view name) {
  const auto file = large_.find(name);
  if (file == large_.end()) throw Error(ErrorCode::bad_bundle, std::string(name) + ": is missing");
  HashedFile taken = std::move(file->second);
  large_.erase(file);
  return taken;
}

}  // namespace sentio
