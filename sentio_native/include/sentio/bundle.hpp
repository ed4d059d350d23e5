// A bundle: a trained model with everything that its features need, and the proof of both.
// The files: docs/reference/bundle.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sentio/export.hpp"
#include "sentio/model.hpp"
#include "sentio/plan.hpp"

namespace sentio {

// What a raw output is.
enum class OutputKind : std::uint8_t {
  logit,           // of a rise: its sigmoid is the probability
  probability,     // of a rise
  forward_return,  // in the label's unit
  classes,         // a logit for each: their softmax are the probabilities
};

// The most outputs of a model.
inline constexpr std::size_t kMostOutputs = 16;

[[nodiscard]] SENTIO_API std::string_view describe(OutputKind kind) noexcept;

// The samples of one part of the training data, by the times of their bars (UTC nanoseconds).
struct DataSpan {
  std::int64_t rows = 0;
  std::int64_t first_ts = 0;
  std::int64_t last_ts = 0;
};

// How one feature was distributed in the training rows: k tenths of its values lie at or below the k-th
// decile.
struct FeatureRange {
  float min = 0;
  std::array<float, 9> deciles{};
  float max = 0;
  // Rows at or below the first decile, above it and at or below the second, ..., above the ninth. More than a
  // tenth where one value is frequent, and none between two deciles that are the same.
  std::array<std::int64_t, 10> counts{};
};

// What metadata.json says and a host may ask.
struct BundleManifest {
  std::string model_id;
  std::string version;
  std::string created_at;
  bool simulated = false;  // trained on made-up bars
  std::string symbol;
  std::string interval;  // such as "5m"
  std::int64_t interval_ns = 0;
  std::string spec_hash;  // 64 hex digits, as this process computed it
  WindowShape window;
  bool windows_cross_sessions = true;
  OutputKind output = OutputKind::logit;
  std::vector<std::string> classes;  // in the order of the outputs; empty where the kind is another
  std::string label;
  std::int64_t horizon = 1;  // bars
  DataSpan train, validation, test;
  std::vector<FeatureRange> drift;    // of each feature, in order
  std::vector<std::string> backends;  // all that the bundle holds, the exporter's choice first
  std::string backend;                // the one that was loaded
  double tolerance = 0;               // absolute, of its outputs from those of the trained module

  [[nodiscard]] std::size_t n_outputs() const noexcept { return classes.empty() ? 1 : classes.size(); }
};

// One line of a verification.
struct Check {
  std::string name;
  bool ok = false;
  std::string detail;
  bool left_out = false;  // this build or this bundle gives no way to make it: neither passed nor failed
};

struct SENTIO_API VerifyReport {
  std::string bundle_id;      // empty where SHA256SUMS could not be read
  std::vector<Check> checks;  // in order; a check that needs what an earlier one refused is left out
  bool damaged = false;       // the bytes are not those that were sealed: nothing was parsed

  [[nodiscard]] bool ok() const noexcept;
};

struct LoadOptions {
  // The backend to run; empty: the first of the bundle's that this build has. Verifying takes them all where
  // this is empty, else that one.
  std::string backend{};
  // Loads that model's file instead of this build's backend.
  ModelLoader model_loader{};
  // An Ed25519 public key in PEM, or the path of such a file: a bundle that it did not sign is refused before
  // anything of it is parsed. Needs a build with SENTIO_OPENSSL.
  std::optional<std::string> trusted_key{};
};

// A bundle that was verified as it was loaded. Immutable; one serves any number of sessions in any thread.
class SENTIO_API Bundle : public std::enable_shared_from_this<Bundle> {
 public:
  // Reads every file once, checks its hash, and uses those very bytes; compiles the spec with this engine;
  // replays the golden bars and windows; last, loads the model and replays its outputs. The first check that
  // fails ends it, so that a model's code runs only where all that can be known without has passed. Throws
  // Error(missing) where the folder or the key's file is not there, Error(bad_argument) where that holds no
  // Ed25519 public key, Error(corrupt) where a hash differs, Error(bad_bundle) with the check that failed,
  // Error(unsupported) where the bundle holds no such backend, this build or this processor lacks it, or all
  // of the bundle's, or this build cannot check a signature that is asked for.
  //
  // Backends of LibTorch run on one thread: two on a busy machine are slower at batch 1, and many times
  // slower at the worst. LibTorch keeps a count for each thread that calls it. Loading, and every run of a
  // model, sets that of the calling thread to one; other threads keep theirs until they run a model. Between
  // operators there is one count for the process, which loading sets to one.
  [[nodiscard]] static std::shared_ptr<const Bundle> load(const std::filesystem::path& folder,
                                                          const LoadOptions& options = {});

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const BundleManifest& manifest() const noexcept { return manifest_; }
  [[nodiscard]] const std::shared_ptr<const Plan>& plan() const noexcept { return plan_; }
  [[nodiscard]] const Model& model() const noexcept { return *model_; }
  // The engine after the last bar of the training data's cache entry.
  [[nodiscard]] std::span<const std::byte> engine_state() const noexcept { return engine_state_; }

 private:
  friend class Examination;
  Bundle() = default;

  std::string id_;
  BundleManifest manifest_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<const Model> model_;
  std::vector<std::byte> engine_state_;
};

// The same checks as a value, one line each, also those after a failed one that do not need it. Models are
// loaded where hashes, signature, manifest and features hold. Throws Error(missing), Error(bad_argument) and
// Error(unsupported) as Bundle::load, but for a backend that others can stand in for, and what the operating
// system refuses.
[[nodiscard]] SENTIO_API VerifyReport verify_bundle(const std::filesystem::path& folder,
                                                    const LoadOptions& options = {});

}  // namespace sentio
