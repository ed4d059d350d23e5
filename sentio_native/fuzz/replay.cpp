// One fuzzer as a test for any compiler: its reader takes every seed, and survives every file of a folder.
// Told
// --seeds, it writes the seeds into the folder instead, for libFuzzer.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "reader.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sentio;

// In memory of this very size, so that a byte behind the end is seen.
bool read(std::string_view text) {
  const auto bytes = fuzz::bytes_of(text);
  return fuzz::read(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

void write_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  std::size_t number = 0;
  for (const std::string& seed : fuzz::seeds()) {
    std::ofstream(folder / ("seed_" + std::to_string(number++)), std::ios::binary) << seed;
  }
}

// The number of seeds that are refused.
std::size_t refused_seeds() {
  std::size_t number = 0, refused = 0;
  for (const std::string& seed : fuzz::seeds()) {
    if (!read(seed)) std::printf("seed %zu of %zu bytes is refused\n", number, seed.size()), ++refused;
    ++number;
  }
  std::printf("%zu seeds, %zu refused\n", number, refused);
  return number > 0 ? refused : 1;
}

void read_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    std::printf("%s, %zu bytes\n", file.filename().c_str(), bytes.size());
    std::fflush(stdout);  // so that the last name is that of the file which ended the program
    (void)read(bytes);
  }
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> arguments(words + 1, words + count);
  if (arguments.size() == 2 && arguments[0] == "--seeds") {
    write_seeds(arguments[1]);
    return 0;
  }
  if (arguments.size() != 1) {
    std::fprintf(stderr, "usage: %s FOLDER\n       %s --seeds FOLDER\n", words[0], words[0]);
    return 2;
  }
  read_files(arguments[0]);
  return refused_seeds() == 0 ? 0 : 1;
}
