// A file that is read in blocks gives the bytes of the first reading every time, or is refused.
#include <fcntl.h>

#include <string>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/hashed_file.hpp"
#include "runtime/sealed_folder.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

constexpr std::size_t kBlock = HashedFile::kBlock;

// FIPS 180-4, the examples published with it (NIST, Cryptographic Standards and Guidelines).
const std::string kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr const char* kOfTwoBlocks = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
constexpr const char* kOfAMillion = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
constexpr const char* kOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(a_hash_of_parts_is_that_of_the_whole) {
  for (std::size_t cut = 0; cut <= kTwoBlocks.size(); ++cut) {
    Sha256Hasher hasher;
    hasher.update(bytes_of(kTwoBlocks).first(cut));
    (void)hasher.digest();
    hasher.update(bytes_of(kTwoBlocks).subspan(cut));
    CHECK_EQUAL(to_hex(hasher.digest()), kOfTwoBlocks);
  }
  for (const std::size_t part : {1U, 63U, 64U, 65U, 1000U}) {
    const std::string some(part, 'a');
    Sha256Hasher hasher;
    for (std::size_t done = 0; done < 1'000'000; done += part) {
      hasher.update(bytes_of(some).first(std::min(part, 1'000'000 - done)));
    }
    CHECK_EQUAL(to_hex(hasher.digest()), kOfAMillion);
  }
  CHECK_EQUAL(to_hex(Sha256Hasher().digest()), kOfNothing);
}

// A file of `size` bytes, each block of which differs from the others.
std::string made_text(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i + i / kBlock) % 26);
  return text;
}

HashedFile open_file(const std::filesystem::path& path) {
  return {Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), path.string()};
}

std::string read_to_end(HashedFile& file) {
  std::string text;
  for (auto block = file.next_block(); !block.empty(); block = file.next_block()) {
    text.append(reinterpret_cast<const char*>(block.data()), block.size());
  }
  return text;
}

TEST(every_reading_gives_the_whole_file) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kBlock - 1, kBlock, kBlock + 1, 2 * kBlock}) {
    const TemporaryFolder folder;
    const std::string text = made_text(size);
    write_file(folder.path() / "file", text);
    HashedFile file = open_file(folder.path() / "file");
    for (int reading = 0; reading < 3; ++reading) {
      CHECK(read_to_end(file) == text);
      CHECK(file.next_block().empty());
      CHECK_EQUAL(file.size(), size);
      CHECK_EQUAL(to_hex(file.hash()), to_hex(sha256(text)));
      file.rewind();
    }
    if (size > 0)
      CHECK_EQUAL(file.next_block().size(), std::min(size, kBlock));  // a reading may be broken off
    file.rewind();
    CHECK(read_to_end(file) == text);
  }
}

TEST(a_file_that_was_changed_between_two_readings_is_refused_before_a_changed_byte_is_given) {
  const std::string text = made_text(2 * kBlock + 10);
  struct Change {
    std::string text;
    std::size_t given;  // bytes before the refusal
  };
  std::string first = text, second = text, last = text;
  first[0] ^= 1, second[kBlock] ^= 1, last.back() ^= 1;
  std::string swapped = text.substr(kBlock, kBlock) + text.substr(0, kBlock) + text.substr(2 * kBlock);
  for (const Change& change : std::vector<Change>{{first, 0},
                                                  {second, kBlock},
                                                  {last, 2 * kBlock},
                                                  {swapped, 0},
                                                  {"", 0},
                                                  {text.substr(0, kBlock), kBlock},
                                                  {text.substr(0, 2 * kBlock), 2 * kBlock},
                                                  {text.substr(0, 2 * kBlock + 9), 2 * kBlock},
                                                  {text + "x", 2 * kBlock}}) {
    const TemporaryFolder folder;
    write_file(folder.path() / "file", text);
    HashedFile file = open_file(folder.path() / "file");
    file.read_through();
    write_file(folder.path() / "file", change.text);
    std::size_t given = 0;
    CHECK_THROWS(corrupt, "file: was changed while it was being read", [&] {
      for (auto block = file.next_block(); !block.empty(); block = file.next_block()) given += block.size();
    }());
    CHECK_EQUAL(given, change.given);
  }
}

TEST(a_file_of_whole_blocks_that_has_grown_is_refused) {
  const TemporaryFolder folder;
  write_file(folder.path() / "file", made_text(kBlock));
  HashedFile file = open_file(folder.path() / "file");
  file.read_through();
  write_file(folder.path() / "file", made_text(kBlock + 1));
  CHECK_EQUAL(file.next_block().size(), kBlock);
  CHECK_THROWS(corrupt, "was changed", (void)file.next_block());
}

TEST(a_large_file_of_a_sealed_folder_is_checked_and_left_on_the_disk) {
  constexpr std::string_view kLarge[] = {"large", "not_there"};
  const std::string text = made_text(kBlock + 5);
  const TemporaryFolder folder;
  seal(folder.path(), {{"large", text}, {"small", "s"}});
  auto sealed = SealedFolder::read(folder.path(), {.large = kLarge});
  CHECK_EQUAL(sealed.names().size(), 1u);
  CHECK_EQUAL(sealed.text("small"), "s");
  CHECK_THROWS(bad_bundle, "large: is missing", (void)sealed.bytes("large"));
  CHECK_THROWS(bad_bundle, "not_there: is missing", (void)sealed.take("not_there"));
  HashedFile file = sealed.take("large");
  CHECK(read_to_end(file) == text);
  CHECK_THROWS(bad_bundle, "large: is missing", (void)sealed.take("large"));

  // Another file of that name is not what is open.
  file.rewind();
  std::filesystem::remove(folder.path() / "large");
  write_file(folder.path() / "large", "another");
  CHECK(read_to_end(file) == text);
  CHECK_THROWS(corrupt, "large: its bytes are not those that were sealed",
               (void)SealedFolder::read(folder.path(), {.large = kLarge}));
  std::filesystem::remove(folder.path() / "large");
  CHECK_THROWS(corrupt, "large: is missing", (void)SealedFolder::read(folder.path(), {.large = kLarge}));
}

}  // namespace
