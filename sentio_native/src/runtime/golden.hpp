// The golden vectors of a bundle: bars, the features that they gave, and what the trained module answered.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/bar_table.hpp"
#include "runtime/manifest.hpp"
#include "runtime/npy.hpp"
#include "runtime/sealed_folder.hpp"
#include "sentio/bundle.hpp"
#include "sentio/engine.hpp"

namespace sentio {

// Each replay returns what was found, in one line, and throws Error(bad_bundle) with the first difference.
class Golden {
 public:
  // Views into `files`, which must outlive it. Throws Error(bad_bundle), with every array that does not fit.
  Golden(const SealedFolder& files, const ManifestDocument& document);

  // An engine that starts cold at the first golden bar: all bars in one call, and one bar a call.
  [[nodiscard]] std::string replay_features(const std::shared_ptr<const Plan>& plan) const;
  [[nodiscard]] std::string replay_stream(const std::shared_ptr<const Plan>& plan) const;
  // An engine that goes on from the snapshot before the first golden bar, one bar a call: the long run's
  // bits.
  [[nodiscard]] std::string replay_warm(const std::shared_ptr<const Plan>& plan) const;
  // Why the goldens cannot tell what a cold start is like once it has settled; none where they can. Where
  // bars rest, they can as long as it agrees.
  [[nodiscard]] std::optional<std::string> cold_start_obstacle(const std::shared_ptr<const Plan>& plan) const;
  // After the manifest's `settle` bars, the engine that started cold at the first golden bar differs from the
  // long run by at most one float32 unit in the last place of the value, or of its op's declared scale.
  [[nodiscard]] std::string compare_cold_start(const Plan& plan) const;

  // The trained module's outputs, equal to the bit where the environment is the recorded one, else within the
  // backend's tolerance. Those of `native` are within it, and equal to its own recorded bits everywhere.
  [[nodiscard]] std::string replay_outputs(const Model& model, const BackendEntry& backend,
                                           std::size_t batch) const;
  // The same of windows far outside of what was trained on, one at a time.
  [[nodiscard]] std::string replay_stress(const Model& model, const BackendEntry& backend) const;

 private:
  void check_windows() const;
  // The largest tolerance by which another model is still told from this one.
  [[nodiscard]] double largest_tolerance() const;
  [[nodiscard]] std::vector<std::size_t> session_starts() const;
  [[nodiscard]] std::size_t settled_row(const Plan& plan) const;
  [[nodiscard]] std::optional<std::string> cold_difference(const Plan& plan) const;
  std::string stream(Engine& engine, const Plan& plan, const NpyView<float>& recorded) const;

  const ManifestDocument& document_;
  BarTable bars_;
  NpyView<float> features_, warm_features_;
  std::span<const std::byte> state_before_;
  NpyView<std::int64_t> rows_;
  std::vector<NpyView<float>> outputs_;  // in the order of kGoldenBatches
  NpyView<float> stress_, stress_outputs_;
  NpyView<float> native_;  // of the golden windows, then of the stress windows; empty without that backend
};

}  // namespace sentio
