// metadata.json, the bundle's manifest.
#include "runtime/manifest.hpp"
#include "reader.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sentio;
  fuzz::read_or_refuse({ErrorCode::bad_bundle}, [&] {
    const ManifestDocument document = parse_manifest(fuzz::text_of(data, size));
    // What the loader multiplies and adds without asking again.
    const BundleManifest& manifest = document.manifest;
    fuzz::require(document.features.size() == static_cast<std::size_t>(manifest.window.n_features));
    fuzz::require(manifest.window.seq_len >= 1 && manifest.horizon >= 1 && manifest.interval_ns >= 1);
    fuzz::require(manifest.train.rows >= 1 && manifest.validation.rows >= 1 && manifest.test.rows >= 1);
    const std::int64_t bars = manifest.train.rows + manifest.validation.rows + manifest.test.rows +
                              document.first_valid_row + manifest.window.seq_len - 1;
    fuzz::require(bars > 0);
    // What a prediction has room for, and what a network must end in.
    const std::size_t outputs = manifest.n_outputs();
    fuzz::require(outputs >= 1 && outputs <= kMostOutputs);
    fuzz::require((manifest.output == OutputKind::classes) == (outputs > 1));
    for (const BackendEntry& backend : document.backends) {
      std::size_t width = backend.network.empty() ? outputs : 0;
      for (const Layer& layer : backend.network) width = layer.outputs != 0 ? layer.outputs : width;
      fuzz::require(width == outputs);
    }
  });
  return 0;
}
