// The golden vectors of a bundle: bars, the features that they gave, and what the trained module answered.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/bar_table.hpp"
#include "runtime/manifest.hpp"
#include "runtime/npy.hpp"
#include "runtime/sealed_folder.hpp"
#include "sentio/bundle.hpp"

namespace sentio {

// Each replay returns what was found, in one line, and throws Error(bad_bundle) with the first difference.
class Golden {
 public:
  // Views into `files`, which must outlive it. Throws Error(bad_bundle), with every array that does not fit.
  Golden(const SealedFolder& files, const ManifestDocument& document);

  // An engine that starts cold at the first golden bar: all bars in one call, and one bar a call.
  [[nodiscard]] std::string replay_features(const std::shared_ptr<const Plan>& plan) const;
  [[nodiscard]] std::string replay_stream(const std::shared_ptr<const Plan>& plan) const;

  // Equal to the bit where the environment is the recorded one, else within the manifest's tolerance.
  [[nodiscard]] std::string replay_outputs(const Model& model, std::size_t batch) const;

 private:
  void check_windows() const;
  void compare_features(const Plan& plan, std::size_t row, std::span<const float> computed) const;

  const ManifestDocument& document_;
  BarTable bars_;
  NpyView<float> features_;
  NpyView<std::int64_t> rows_;
  std::vector<NpyView<float>> outputs_;  // in the order of kGoldenBatches
};

}  // namespace sentio
