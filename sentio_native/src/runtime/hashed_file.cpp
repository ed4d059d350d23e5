// Reading in blocks, hashing each.
#include "runtime/hashed_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "sentio/error.hpp"

namespace sentio {
namespace {

// A small file is one block, so that little memory is asked for.
std::size_t block_for(const Descriptor& file) {
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return HashedFile::kBlock;
  return std::clamp<std::size_t>(static_cast<std::size_t>(facts.st_size), 1, HashedFile::kBlock);
}

}  // namespace

HashedFile::HashedFile(Descriptor opened, std::string place)
    : file_(std::move(opened)), place_(std::move(place)), block_(block_for(file_)) {}

std::span<const std::byte> HashedFile::next_block() {
  const std::span<const std::byte> block(block_.data(), fill());
  hasher_.update(block);
  offset_ += block.size();
  const Sha256 mark = hasher_.digest();
  if (!complete_) {
    marks_.push_back(mark);
    complete_ = block.empty();
    size_ = offset_;
  } else if (mark != marks_[blocks_]) {
    throw Error(ErrorCode::corrupt, place_ + ": was changed while it was being read");
  }
  // Behind the end there is the end again.
  if (!block.empty()) ++blocks_;
  return block;
}

void HashedFile::rewind() noexcept {
  hasher_ = {};
  blocks_ = offset_ = 0;
}

void HashedFile::read_through() {
  while (!next_block().empty()) {
  }
  rewind();
}

std::size_t HashedFile::fill() {
  std::size_t filled = 0;
  while (filled < block_.size()) {
    const ssize_t got = ::pread(file_.get(), block_.data() + filled, block_.size() - filled,
                                static_cast<off_t>(offset_ + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), place_);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

}  // namespace sentio
