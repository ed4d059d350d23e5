// A file that is too large for memory, read several times: every reading gives the bytes of the first.
//
// The first reading is hashed, and its hash kept as it stood behind each block. A later reading is hashed
// too, and gives a block out only where the hash still stands as it did: a file that has been changed
// meanwhile, in place, cut or grown, is refused before a changed byte is used. It needs one block of memory,
// and 32 bytes for each block of the file.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "runtime/descriptor.hpp"
#include "sha256.hpp"

namespace sentio {

class HashedFile {
 public:
  static constexpr std::size_t kBlock = std::size_t{1} << 20;

  // `place` names it in messages. What is opened must have a place to go back to: no pipe.
  HashedFile(Descriptor opened, std::string place);

  // The next block: kBlock bytes, or the whole of a shorter file; fewer at the file's end, none behind it.
  // Valid until the next call. Throws Error(corrupt) where the bytes are not those of the first reading;
  // std::system_error where the operating system refuses.
  [[nodiscard]] std::span<const std::byte> next_block();

  // Begin again. The first reading must have come to its end.
  void rewind() noexcept;

  // Read to the end, and begin again.
  void read_through();

  // Of the whole file, once the first reading has come to its end.
  [[nodiscard]] const Sha256& hash() const noexcept { return marks_.back(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const std::string& place() const noexcept { return place_; }

 private:
  [[nodiscard]] std::size_t fill();

  Descriptor file_;
  std::string place_;
  std::vector<std::byte> block_;
  std::vector<Sha256> marks_;  // the hash behind each block of the first reading, and behind its end
  bool complete_ = false;      // the first reading has come to its end
  Sha256Hasher hasher_;
  std::size_t blocks_ = 0, offset_ = 0, size_ = 0;
};

}  // namespace sentio
