// SHA256SUMS: no name that is listed leads out of the folder.
#include "runtime/sums.hpp"

#include <filesystem>

#include "reader.hpp"

namespace sentio::fuzz {

bool read(std::span<const std::byte> bytes) {
  std::vector<Problem> problems;
  for (const auto& [name, hash] : parse_sums(bytes, problems)) {
    require(hash.size() == 64 && hash.find_first_not_of("0123456789abcdef") == std::string::npos);
    const auto place = ("/root/folder" / std::filesystem::path(name)).lexically_normal().string();
    require(place == "/root/folder" || place.starts_with("/root/folder/"));
  }
  return problems.empty();
}

std::vector<std::string> seeds() {
  const std::string hash(64, 'a');
  return {hash + "  metadata.json\n", hash + "  golden/a.npy\n" + hash + "  b\n"};
}

}  // namespace sentio::fuzz
