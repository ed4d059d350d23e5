// Bundles that are valid but for one thing, and the check that tells it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "made_bundle.hpp"

namespace sentio::test {

inline VerifyReport verify(const Files& files, const LoadOptions& options = sum_model()) {
  const TemporaryFolder folder;
  seal(folder.path(), files);
  return verify_bundle(folder.path(), options);
}

// The name of the first check that fails.
inline std::string first_failure(const Files& files, const LoadOptions& options = sum_model()) {
  for (const Check& check : verify(files, options).checks) {
    if (!check.ok) return check.name;
  }
  return "none";
}

// A valid bundle whose manifest was changed and sealed again.
inline Files with_manifest(const std::function<void(Json&)>& change, const BundleOptions& options = {},
                           const std::string& model_file = "model.pt") {
  Files files = make_bundle(options);
  if (model_file != "model.pt") {
    files[model_file] = files["model.pt"];
    files.erase("model.pt");
  }
  Json manifest = Json::parse(files["metadata.json"]);
  change(manifest);
  files["metadata.json"] = manifest.dump();
  return files;
}

// A valid bundle in which one bit of a file's values, `offset` from its end, was changed and sealed again.
inline Files with_bit(const std::string& name, std::size_t offset) {
  Files files = make_bundle();
  std::string& bytes = files[name];
  bytes[bytes.size() - offset] = static_cast<char>(bytes[bytes.size() - offset] ^ 1);
  return files;
}

}  // namespace sentio::test
