// metadata.json, the bundle's manifest, as docs/reference/bundle.md lists it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/native_model.hpp"
#include "sentio/bundle.hpp"
#include "sentio/error.hpp"

namespace sentio {

// Windows in the golden files, and the batches that they were run in.
inline constexpr std::size_t kGoldenWindows = 256;
inline constexpr std::size_t kGoldenBatches[] = {1, 7, 256};
// Windows in golden/stress.npy, run one at a time.
inline constexpr std::size_t kStressWindows = 16;

// What runs the model, and how far it may be from the trained module.
struct BackendEntry {
  std::string name;
  std::string file;
  double tolerance = 0;
  ModelEnvironment recorded_on{};  // where it was made
  bool exact = false;              // there, its outputs are those of the trained module to the bit
  std::vector<Layer> network{};    // native
  std::optional<Clip> clip{};      // native, to which its tensors do not tell it
};

struct ManifestDocument {
  BundleManifest manifest;  // its spec_hash is what the document claims
  std::vector<BackendEntry> backends;
  // What follows from the spec, to be compared with this engine's plan.
  std::vector<FeatureInfo> features;
  std::int64_t warmup = 0;
  std::optional<std::int64_t> settle;
  std::int64_t first_valid_row = 0;
  std::int64_t session_gap_ns = 0;
  bool allow_early_emit = false;
  std::vector<double> mean, inverse_deviation;  // a copy of the scaler inside the model, each [F]
  std::size_t golden_bars = 0;
};

// Throws Error(bad_bundle) with every key that is missing, unknown, or of another type or range.
[[nodiscard]] ManifestDocument parse_manifest(std::string_view text);

// What the manifest says of the features and the plan does not; empty where they agree.
[[nodiscard]] std::vector<Problem> compare_with_plan(const ManifestDocument& document, const Plan& plan);

}  // namespace sentio
