// A sealed folder is read whole and unchanged, or refused with the reason.
#include <sys/stat.h>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/sealed_folder.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const Files kFiles = {{"a.txt", "alpha"}, {"sub/b.txt", "beta"}, {"empty", ""}};

void refuses(const std::string& words, const std::function<void(const std::filesystem::path&)>& damage) {
  const TemporaryFolder folder;
  seal(folder.path(), kFiles);
  damage(folder.path());
  CHECK_THROWS(corrupt, words, (void)SealedFolder::read(folder.path()));
}

std::string sums_of(const std::filesystem::path& folder) {
  std::ifstream stream(folder / "SHA256SUMS", std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(a_sealed_folder_gives_the_bytes_that_were_sealed) {
  const TemporaryFolder folder;
  seal(folder.path(), kFiles);
  const auto sealed = SealedFolder::read(folder.path());
  CHECK_EQUAL(sealed.names().size(), 3u);
  for (const auto& [name, text] : kFiles) CHECK_EQUAL(sealed.text(name), text);
  CHECK_EQUAL(sealed.id(), to_hex(sha256(sums_of(folder.path()))));
  CHECK_THROWS(bad_bundle, "no_such", (void)sealed.bytes("no_such"));
}

TEST(a_folder_that_is_not_there_is_missing) {
  const TemporaryFolder folder;
  CHECK_THROWS(missing, "is not a folder", (void)SealedFolder::read(folder.path() / "nowhere"));
  write_file(folder.path() / "file", "x");
  CHECK_THROWS(missing, "is not a folder", (void)SealedFolder::read(folder.path() / "file"));
  CHECK_THROWS(corrupt, "holds no SHA256SUMS", (void)SealedFolder::read(folder.path()));
}

TEST(a_changed_file_is_refused) {
  refuses("sub/b.txt: its bytes", [](const auto& folder) { write_file(folder / "sub/b.txt", "betA"); });
  refuses("a.txt: its bytes", [](const auto& folder) { write_file(folder / "a.txt", "alph"); });
  refuses("empty: its bytes", [](const auto& folder) { write_file(folder / "empty", "x"); });
}

TEST(a_missing_or_added_file_is_refused) {
  refuses("a.txt: is missing", [](const auto& folder) { std::filesystem::remove(folder / "a.txt"); });
  refuses("sub/c.txt: is not listed", [](const auto& folder) { write_file(folder / "sub/c.txt", ""); });
}

TEST(a_link_is_refused_wherever_it_stands) {
  namespace fs = std::filesystem;
  const TemporaryFolder elsewhere;
  seal(elsewhere.path(), kFiles);
  refuses("a.txt: is a link", [&](const auto& folder) {
    fs::remove(folder / "a.txt");
    fs::create_symlink(elsewhere.path() / "a.txt", folder / "a.txt");
  });
  refuses("sub: is a link", [&](const auto& folder) {
    fs::remove_all(folder / "sub");
    fs::create_directory_symlink(elsewhere.path() / "sub", folder / "sub");
  });
  refuses("SHA256SUMS: is a link", [&](const auto& folder) {
    fs::remove(folder / "SHA256SUMS");
    fs::create_symlink(elsewhere.path() / "SHA256SUMS", folder / "SHA256SUMS");
  });
}

TEST(a_pipe_is_refused_and_not_waited_for) {
  refuses("a.txt", [](const auto& folder) {
    std::filesystem::remove(folder / "a.txt");
    CHECK_EQUAL(::mkfifo((folder / "a.txt").c_str(), 0600), 0);
  });
}

TEST(an_ill_formed_list_is_refused) {
  const std::string hash(64, '0');
  const auto with_line = [](const std::string& line) {
    return [line](const std::filesystem::path& folder) {
      write_file(folder / "SHA256SUMS", sums_of(folder) + line);
    };
  };
  refuses("line 4: the name", with_line(hash + "  ../outside\n"));
  refuses("line 4: the name", with_line(hash + "  sub/../../outside\n"));
  refuses("line 4: the name", with_line(hash + "  /etc/passwd\n"));
  refuses("line 4: the name", with_line(hash + "  a.txt\n"));
  refuses("line 4: the name", with_line(hash + "  \n"));
  refuses("line 4: the name", with_line(hash + "  SHA256SUMS\n"));
  refuses("./a.txt: is missing", with_line(hash + "  ./a.txt\n"));
  refuses("line 4: is not", with_line("\n"));
  refuses("line 4: is not", with_line(hash + " a\n"));
  refuses("line 4: is not", with_line(std::string(64, 'A') + "  a\n"));
  refuses("line 4: is not", with_line("\\" + hash + "  a\\n\n"));
  refuses("line 4: does not end", with_line(hash + "  a"));
}

TEST(all_problems_are_told_at_once) {
  const TemporaryFolder folder;
  seal(folder.path(), kFiles);
  write_file(folder.path() / "a.txt", "changed");
  write_file(folder.path() / "more", "");
  std::filesystem::remove(folder.path() / "empty");
  try {
    (void)SealedFolder::read(folder.path());
  } catch (const Error& error) {
    CHECK_EQUAL(error.problems().size(), 3u);
    return;
  }
  CHECK(false);
}

}  // namespace
