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
#include <optional>
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

// A size that a file claims is not memory that it gets: that grows with what has been read.
constexpr std::size_t kFirstBlock = std::size_t{1} << 20;

// A file's bytes; none where there are more than `most`.
std::optional<std::vector<std::byte>> read_all(int fd, std::size_t size, std::size_t most,
                                               const std::string& place) {
  if (size > most) return std::nullopt;
  std::vector<std::byte> bytes(std::min(size + 1, kFirstBlock));  // one more, so that the end is seen
  std::size_t filled = 0;
  while (true) {
    const ssize_t got = ::read(fd, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(place);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > most) return std::nullopt;
    if (filled == bytes.size()) bytes.resize(std::min(2 * bytes.size(), most + 1));
  }
  bytes.resize(filled);
  return bytes;
}

std::string mebibytes(std::size_t count) {
  return std::to_string(count >> 20) + " MiB";
}

// What stands at a name: of a link, the link itself. Nothing there has mode 0. It is looked at before it is
// opened, since opening a pipe or a device does something to it.
struct stat look_at(int folder, const std::string& name, const std::string& place) {
  struct stat facts{};
  if (::fstatat(folder, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) fail(place);
  return facts;
}

// Opens the very file or folder that was looked at.
Descriptor open_seen(int folder, const std::string& name, const struct stat& seen, const std::string& place) {
  Descriptor opened(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts{};
  if (opened.get() < 0 || ::fstat(opened.get(), &facts) != 0) fail(place);
  if (facts.st_dev != seen.st_dev || facts.st_ino != seen.st_ino) {
    throw Error(ErrorCode::corrupt, place + ": was replaced while it was being read");
  }
  return opened;
}

// Reads the listed files below an open folder, and names whatever else is there.
class Walk {
 public:
  Walk(const std::filesystem::path& root, const Listing& listing, std::span<const std::string_view> large,
       std::vector<Problem>& problems)
      : missing(listing), root_(root), listing_(listing), large_(large), problems_(problems) {}

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

  std::map<std::string, std::vector<std::byte>, std::less<>> found;
  std::map<std::string, HashedFile, std::less<>> found_large;
  Listing missing;  // what was listed and has not been come across

 private:
  [[nodiscard]] std::string place(const std::string& name) const { return (root_ / name).string(); }

  void visit(int folder, const std::string& name, const std::string& path) {
    const struct stat seen = look_at(folder, name, place(path));
    if (path == kSumsName) return;  // read already
    if (S_ISDIR(seen.st_mode) && is_listed_folder(path)) {
      // A file of its name, too, may be listed, and stays missing.
      enter(open_seen(folder, name, seen, place(path)).release(), path + "/");
      return;
    }
    if (path == kSignatureName) return;
    missing.erase(path);
    if (S_ISLNK(seen.st_mode)) {
      problems_.push_back({path, "is a link"});
    } else if (!listing_.contains(path)) {
      problems_.push_back({path, std::string("is not listed in ") + kSumsName});
    } else if (!S_ISREG(seen.st_mode)) {
      problems_.push_back({path, "is not a file"});
    } else {
      read(open_seen(folder, name, seen, place(path)), path, static_cast<std::size_t>(seen.st_size));
    }
  }

  // Whether a listed file is below it.
  [[nodiscard]] bool is_listed_folder(const std::string& path) const {
    const auto first = listing_.lower_bound(path + "/");
    return first != listing_.end() && first->first.starts_with(path + "/");
  }

  void read(Descriptor opened, const std::string& path, std::size_t size) {
    if (std::find(large_.begin(), large_.end(), path) != large_.end()) {
      HashedFile file(std::move(opened), place(path));
      file.read_through();
      if (compare(path, file.hash())) found_large.emplace(path, std::move(file));
      return;
    }
    auto bytes = read_all(opened.get(), size, left_, place(path));
    if (!bytes) {
      problems_.push_back({path, "with it the files hold more than " + mebibytes(SealedFolder::kMostBytes)});
      return;
    }
    left_ -= bytes->size();
    if (compare(path, sha256(*bytes))) found.emplace(path, std::move(*bytes));
  }

  bool compare(const std::string& path, const Sha256& hash) {
    const bool same = to_hex(hash) == listing_.at(path);
    if (!same) problems_.push_back({path, "its bytes are not those that were sealed"});
    return same;
  }

  const std::filesystem::path& root_;
  const Listing& listing_;
  std::span<const std::string_view> large_;
  std::vector<Problem>& problems_;
  std::size_t left_ = SealedFolder::kMostBytes;
};

[[noreturn]] void refuse(const std::filesystem::path& folder, std::vector<Problem> problems) {
  std::sort(problems.begin(), problems.end(),
            [](const Problem& a, const Problem& b) { return a.path < b.path; });
  throw Error(ErrorCode::corrupt, folder.string() + ": is damaged", std::move(problems));
}

// A file whose hash nobody knows; none where nothing has its name.
std::optional<std::vector<std::byte>> read_short(int root, const char* name,
                                                 const std::filesystem::path& folder) {
  const std::string place = (folder / name).string();
  const struct stat seen = look_at(root, name, place);
  if (seen.st_mode == 0) return std::nullopt;
  if (S_ISLNK(seen.st_mode)) refuse(folder, {{name, "is a link"}});
  if (!S_ISREG(seen.st_mode)) refuse(folder, {{name, "is not a file"}});
  const Descriptor opened = open_seen(root, name, seen, place);
  constexpr std::size_t kMost = SealedFolder::kMostListBytes;
  auto bytes = read_all(opened.get(), static_cast<std::size_t>(seen.st_size), kMost, place);
  if (!bytes) refuse(folder, {{name, "holds more than " + mebibytes(kMost)}});
  return bytes;
}

}  // namespace

SealedFolder SealedFolder::open(const std::filesystem::path& folder) {
  SealedFolder sealed;
  sealed.folder_ = folder;
  sealed.root_ = Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (sealed.root_.get() < 0) {
    if (errno != ENOENT && errno != ENOTDIR) fail(folder.string());
    throw Error(ErrorCode::missing, folder.string() + ": is not a folder");
  }
  auto sums = read_short(sealed.root_.get(), kSumsName, folder);
  if (!sums) throw Error(ErrorCode::corrupt, folder.string() + ": holds no " + kSumsName);
  sealed.sums_ = std::move(*sums);
  sealed.id_ = to_hex(sha256(sealed.sums()));
  sealed.signature_ = read_short(sealed.root_.get(), kSignatureName, folder);
  return sealed;
}

void SealedFolder::read_files(const ExpectedFiles& files) {
  std::vector<Problem> problems;
  const Listing listing = parse_sums(sums_, problems);
  for (const auto& [name, hash] : listing) {
    const auto& allowed = files.allowed;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), name) == allowed.end())
      problems.push_back({name, "is no file of a folder of this kind and format"});
  }
  if (!problems.empty()) refuse(folder_, std::move(problems));
  Walk walk(folder_, listing, files.large, problems);
  walk.enter(root_.release(), "");
  for (const auto& [name, hash] : walk.missing) problems.push_back({name, "is missing"});
  if (!problems.empty()) refuse(folder_, std::move(problems));
  files_ = std::move(walk.found);
  large_ = std::move(walk.found_large);
}

SealedFolder SealedFolder::read(const std::filesystem::path& folder, const ExpectedFiles& files) {
  SealedFolder sealed = open(folder);
  sealed.read_files(files);
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
