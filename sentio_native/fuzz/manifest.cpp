// metadata.json, the bundle's manifest.
#include "runtime/manifest.hpp"

#include "made_bundle.hpp"
#include "reader.hpp"

namespace sentio::fuzz {

bool read(std::span<const std::byte> bytes) {
  return take_or_refuse({ErrorCode::bad_bundle}, [&] {
    const ManifestDocument document = parse_manifest(text_of(bytes));
    // What the loader multiplies and adds without asking again.
    const BundleManifest& manifest = document.manifest;
    require(document.features.size() == static_cast<std::size_t>(manifest.window.n_features));
    require(manifest.window.seq_len >= 1 && manifest.horizon >= 1 && manifest.interval_ns >= 1);
    require(manifest.train.rows >= 1 && manifest.validation.rows >= 1 && manifest.test.rows >= 1);
    const std::int64_t bars = manifest.train.rows + manifest.validation.rows + manifest.test.rows +
                              document.first_valid_row + manifest.window.seq_len - 1;
    require(bars > 0);
    // What a prediction has room for, and what a network must end in.
    const std::size_t outputs = manifest.n_outputs();
    require(outputs >= 1 && outputs <= kMostOutputs);
    require((manifest.output == OutputKind::classes) == (outputs > 1));
    for (const BackendEntry& backend : document.backends) {
      std::size_t width = backend.network.empty() ? outputs : 0;
      for (const Layer& layer : backend.network) width = layer.outputs != 0 ? layer.outputs : width;
      require(width == outputs);
    }
  });
}

std::vector<std::string> seeds() {
  std::vector<std::string> seeds;
  for (const test::BundleOptions& options :
       {test::BundleOptions{}, test::BundleOptions{.native = true}, test::BundleOptions{.kind = "classes"}}) {
    // Without the white space, which mutations would be wasted on.
    seeds.push_back(Json::parse(test::make_bundle(options).at("metadata.json")).dump());
  }
  return seeds;
}

}  // namespace sentio::fuzz
