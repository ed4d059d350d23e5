// Finding the root, by the same rule as the Python package.
#include "runtime/workspace.hpp"

#include <cstdlib>

#include "sentio/error.hpp"

namespace sentio {

std::filesystem::path find_root(const std::filesystem::path& named) {
  namespace fs = std::filesystem;
  const char* variable = std::getenv("SENTIO_ROOT");
  const fs::path given = !named.empty() ? named : fs::path(variable != nullptr ? variable : "");
  if (!given.empty()) {
    if (fs::is_directory(given)) return given;
    throw Error(ErrorCode::missing, given.string() + ": is not a folder (named by --root or SENTIO_ROOT)");
  }
  const fs::path here = fs::current_path();
  for (fs::path folder = here;; folder = folder.parent_path()) {
    if (fs::is_directory(folder / "specs")) return folder;
    if (folder == folder.parent_path()) break;
  }
  throw Error(ErrorCode::missing, here.string() +
                                      ": neither this folder nor a parent holds specs/; change into a "
                                      "Sentio project, or name it with --root or SENTIO_ROOT");
}

}  // namespace sentio
