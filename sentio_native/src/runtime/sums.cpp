// Reading SHA256SUMS.
#include "runtime/sums.hpp"

#include <string_view>

#include "runtime/signature.hpp"

namespace sentio {
namespace {

constexpr std::size_t kDigits = 64;

bool is_allowed(std::string_view name) {
  if (name.empty() || name.front() == '/') return false;
  const std::string framed = "/" + std::string(name) + "/";
  return name != kSumsName && name != kSignatureName && framed.find("/../") == std::string::npos;
}

}  // namespace

Listing parse_sums(std::span<const std::byte> bytes, std::vector<Problem>& problems) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Listing listing;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string where = kSumsName + std::string(" line ") + std::to_string(number);
    if (end == std::string_view::npos) {
      problems.push_back({where, "does not end"});
      break;
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::string_view digest = line.substr(0, kDigits);
    const bool is_hash =
        digest.size() == kDigits && digest.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!is_hash || line.substr(kDigits, 2) != "  ") {
      problems.push_back({where, "is not 'SHA256  NAME'"});
      continue;
    }
    const std::string name(line.substr(kDigits + 2));
    if (!is_allowed(name) || !listing.emplace(name, digest).second) {
      problems.push_back({where, "the name '" + name + "' is not allowed"});
    }
  }
  return listing;
}

}  // namespace sentio
