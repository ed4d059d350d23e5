// A sealed folder is read whole and unchanged, or refused with the reason.
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <set>
#include <thread>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/descriptor.hpp"
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

TEST(a_folder_in_the_place_of_a_file_is_refused) {
  refuses("a.txt: is not a file", [](const auto& folder) {
    std::filesystem::remove(folder / "a.txt");
    std::filesystem::create_directory(folder / "a.txt");
  });
}

TEST(a_file_that_has_the_name_of_a_folder_is_missing) {
  refuses("sub: is missing", [](const auto& folder) {
    write_file(folder / "SHA256SUMS", sums_of(folder) + std::string(64, '0') + "  sub\n");
  });
}

TEST(a_pipe_is_refused_and_not_waited_for) {
  refuses("a.txt", [](const auto& folder) {
    std::filesystem::remove(folder / "a.txt");
    CHECK_EQUAL(::mkfifo((folder / "a.txt").c_str(), 0600), 0);
  });
}

// The names of what is opened in a folder while `action` runs, but not below it.
std::set<std::string> opened_during(const std::filesystem::path& folder,
                                    const std::function<void()>& action) {
  const Descriptor watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  CHECK(::inotify_add_watch(watch.get(), folder.c_str(), IN_OPEN) >= 0);
  action();
  std::set<std::string> names;
  alignas(inotify_event) std::array<char, 4096> events;
  for (ssize_t size = 0; (size = ::read(watch.get(), events.data(), events.size())) > 0;) {
    for (ssize_t place = 0; place < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(events.data() + place);
      if (event->len > 0) names.insert(event->name);
      place += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return names;
}

TEST(nothing_is_opened_but_what_is_listed) {
  const TemporaryFolder folder;
  seal(folder.path(), kFiles);
  write_file(folder.path() / "more", "x");
  write_file(folder.path() / "other/more", "x");
  std::filesystem::create_directory(folder.path() / "hollow");
  CHECK_EQUAL(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  std::string message;
  const auto opened = opened_during(folder.path(), [&] {
    try {
      (void)SealedFolder::read(folder.path());
    } catch (const Error& error) {
      for (const Problem& problem : error.problems()) message += problem.path + ": " + problem.message + "\n";
    }
  });
  CHECK(opened == std::set<std::string>({"SHA256SUMS", "a.txt", "empty", "sub"}));
  CHECK_EQUAL(message,
              "hollow: is not listed in SHA256SUMS\nmore: is not listed in SHA256SUMS\n"
              "other: is not listed in SHA256SUMS\npipe: is not listed in SHA256SUMS\n");
}

TEST(a_file_is_refused_for_its_size_before_memory_is_asked_for) {
  const auto grow = [](const char* name, std::uintmax_t size) {
    return [=](const std::filesystem::path& folder) { std::filesystem::resize_file(folder / name, size); };
  };
  refuses("a.txt: with it the files hold more than 1024 MiB", grow("a.txt", std::uintmax_t{200} << 30));
  refuses("a.txt: with it the files hold more than 1024 MiB", grow("a.txt", SealedFolder::kMostBytes + 1));
  refuses("SHA256SUMS: holds more than 1 MiB", grow("SHA256SUMS", std::uintmax_t{200} << 30));
  refuses("SHA256SUMS: holds more than 1 MiB", grow("SHA256SUMS", SealedFolder::kMostListBytes + 1));
  refuses("SHA256SUMS.sig: holds more than 1 MiB", [](const auto& folder) {
    write_file(folder / "SHA256SUMS.sig", std::string(SealedFolder::kMostListBytes + 1, 's'));
  });
  refuses("a.txt: its bytes", grow("a.txt", std::uintmax_t{5} << 20));  // of several blocks
}

TEST(a_name_that_is_not_allowed_is_refused_before_any_file_is_opened) {
  const TemporaryFolder folder;
  seal(folder.path(), kFiles);
  constexpr std::string_view kAllowed[] = {"a.txt", "empty"};
  const auto opened = opened_during(folder.path(), [&] {
    CHECK_THROWS(corrupt, "sub/b.txt: is no file of",
                 (void)SealedFolder::read(folder.path(), {.allowed = kAllowed}));
  });
  CHECK(opened == std::set<std::string>({"SHA256SUMS"}));
}

TEST(all_files_together_are_bounded) {
  const TemporaryFolder folder;
  seal(folder.path(), {{"a", ""}, {"b", ""}, {"c", "small"}});
  std::filesystem::resize_file(folder.path() / "a", SealedFolder::kMostBytes - 4);
  CHECK_THROWS(corrupt, "with it the files hold more than 1024 MiB", (void)SealedFolder::read(folder.path()));
}

TEST(a_file_of_several_blocks_is_read_whole) {
  for (const std::size_t size : {(1u << 20) - 1, 1u << 20, (1u << 20) + 1, (5u << 20) + 3}) {
    std::string text(size, 'x');
    text.back() = 'y';
    const TemporaryFolder folder;
    seal(folder.path(), {{"large", text}});
    CHECK(SealedFolder::read(folder.path()).text("large") == text);
  }
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

// Two versions of the same files, and a thread that goes on putting one in the place of the other while a
// reader reads: it must see one of them, whole, or refuse.
struct Replacement {
  int whole[2] = {0, 0};  // readings of either version
  int refused = 0;
};

Replacement read_while(const std::function<void(const std::filesystem::path&, bool)>& put) {
  const Files versions[2] = {{{"a.txt", "old a"}, {"sub/b.txt", "old b"}, {"c.txt", std::string(4096, 'o')}},
                             {{"a.txt", "new a"}, {"sub/b.txt", "new b"}, {"c.txt", std::string(4096, 'n')}}};
  const TemporaryFolder root;
  std::string ids[2];
  for (int k = 0; k < 2; ++k) {
    seal(root.path() / ("v" + std::to_string(k)), versions[k]);
    ids[k] = SealedFolder::read(root.path() / ("v" + std::to_string(k))).id();
  }
  put(root.path(), false);
  std::atomic<bool> done = false;
  std::thread replacer([&] {
    for (bool second = true; !done; second = !second) {
      put(root.path(), second);
      // Time for a reader to see a version that stays, which a busy machine would hardly ever give it.
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  Replacement seen;
  std::string mixed;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int k = 0; k < 2000 || seen.whole[0] < 20 || seen.whole[1] < 20; ++k) {
    if (!mixed.empty() || std::chrono::steady_clock::now() > end) break;
    try {
      const auto sealed = SealedFolder::read(root.path() / "current");
      const int version = sealed.id() == ids[1] ? 1 : 0;
      if (sealed.id() != ids[version]) mixed = "an id that no version has";
      for (const auto& [name, text] : versions[version]) {
        if (sealed.text(name) != text) mixed = name;
      }
      ++seen.whole[version];
    } catch (const Error& error) {
      if (error.code() != ErrorCode::corrupt && error.code() != ErrorCode::missing) mixed = error.what();
      ++seen.refused;
    } catch (const std::system_error&) {  // a file went away between its listing and its opening
      ++seen.refused;
    }
  }
  done = true;
  replacer.join();
  if (!mixed.empty()) throw std::runtime_error("neither version, and not refused: " + mixed);
  return seen;
}

TEST(a_link_that_is_moved_while_its_folder_is_read_gives_one_version_whole) {
  const Replacement seen = read_while([](const std::filesystem::path& root, bool second) {
    std::filesystem::create_directory_symlink(root / (second ? "v1" : "v0"), root / "next");
    std::filesystem::rename(root / "next", root / "current");
  });
  CHECK_EQUAL(seen.refused, 0);
  CHECK(seen.whole[0] >= 20 && seen.whole[1] >= 20);
}

TEST(a_folder_that_is_renamed_while_it_is_read_gives_one_version_whole_or_none) {
  const Replacement seen = read_while([](const std::filesystem::path& root, bool second) {
    const auto other = root / (second ? "v0" : "v1");
    if (std::filesystem::exists(root / "current")) std::filesystem::rename(root / "current", other);
    std::filesystem::rename(root / (second ? "v1" : "v0"), root / "current");
  });
  CHECK(seen.whole[0] >= 20 && seen.whole[1] >= 20);
}

TEST(files_that_are_overwritten_while_they_are_read_give_one_version_whole_or_a_refusal) {
  const Replacement seen = read_while([](const std::filesystem::path& root, bool second) {
    namespace fs = std::filesystem;
    fs::copy(root / (second ? "v1" : "v0"), root / "current",
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  });
  CHECK(seen.whole[0] + seen.whole[1] + seen.refused >= 2000);
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
