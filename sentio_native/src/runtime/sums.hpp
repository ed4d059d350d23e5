// SHA256SUMS, the list that seals a folder: its text alone, no file system.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "sentio/error.hpp"

namespace sentio {

inline constexpr const char* kSumsName = "SHA256SUMS";

using Listing = std::map<std::string, std::string, std::less<>>;  // name to hash, 64 hex digits

// Adds a problem for each line that is not "SHA256  NAME", and for each name that is absolute, holds "..",
// comes twice, or is that of the list or its signature. The listing is to be used only where there was none.
[[nodiscard]] Listing parse_sums(std::span<const std::byte> bytes, std::vector<Problem>& problems);

}  // namespace sentio
