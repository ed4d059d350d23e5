// Where things are: the root folder of a project.
#pragma once

#include <filesystem>

namespace sentio {

// `named` where it is not empty, else SENTIO_ROOT, else the nearest parent of the working directory with
// specs/. Throws Error(missing) where there is no such folder.
[[nodiscard]] std::filesystem::path find_root(const std::filesystem::path& named = {});

}  // namespace sentio
