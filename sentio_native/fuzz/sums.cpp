// SHA256SUMS: no name that is listed leads out of the folder.
#include <filesystem>

#include "reader.hpp"
#include "runtime/sums.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sentio;
  std::vector<Problem> problems;
  for (const auto& [name, hash] : parse_sums(fuzz::bytes_of(data, size), problems)) {
    fuzz::require(hash.size() == 64 && hash.find_first_not_of("0123456789abcdef") == std::string::npos);
    const auto place = ("/root/folder" / std::filesystem::path(name)).lexically_normal().string();
    fuzz::require(place.starts_with("/root/folder"));
  }
  return 0;
}
