// Bundles in C: loading, and what their manifests say.
#include <string>
#include <vector>

#include "c_interface/handles.hpp"

using namespace sentio::c;

namespace {

// The text at that place, or NULL where there is no such.
const char* at(const std::vector<std::string>& texts, int64_t place) noexcept {
  if (!std::in_range<std::size_t>(place) || !std::cmp_less(place, texts.size())) return nullptr;
  return texts[static_cast<std::size_t>(place)].c_str();
}

sentio_span span_of(const sentio::DataSpan& span) noexcept {
  return {span.rows, span.first_ts, span.last_ts};
}

}  // namespace

const char* sentio_backend_name(int64_t place) noexcept {
  const char* name = nullptr;
  (void)guarded([&] {
    static const std::vector<std::string> names = sentio::model_backends();
    name = at(names, place);
  });
  return name;
}

sentio_result sentio_bundle_load(const char* folder, sentio_bundle** bundle) noexcept {
  const sentio_load_options defaults = {.struct_size = sizeof defaults};
  return sentio_bundle_load_with(folder, &defaults, bundle);
}

sentio_result sentio_bundle_load_with(const char* folder, const sentio_load_options* options,
                                      sentio_bundle** bundle) noexcept {
  return guarded([&] {
    require(folder != nullptr && bundle != nullptr, "folder or bundle is NULL");
    const sentio_load_options own = read_struct(options);
    std::optional<std::string> trusted_key;
    if (own.trusted_key != nullptr) {
      trusted_key =
          optional_text(own.trusted_key, "options.trusted_key is empty: NULL asks for no signature");
    }
    *bundle = handed_out(sentio::Bundle::load(
        folder, {.backend = optional_text(own.backend, "options.backend is empty: NULL takes the first"),
                 .trusted_key = trusted_key}));
  });
}

void sentio_bundle_free(sentio_bundle* bundle) noexcept {
  const std::unique_ptr<sentio_bundle> last(bundle);
}

sentio_result sentio_bundle_get_info(const sentio_bundle* bundle, sentio_bundle_info* info) noexcept {
  return guarded([&] {
    require(bundle != nullptr, "bundle is NULL");
    require_output(info);
    const sentio::BundleManifest& manifest = bundle->bundle->manifest();
    const sentio::Plan& plan = *bundle->bundle->plan();
    sentio_bundle_info own{};
    own.simulated = manifest.simulated ? 1 : 0;
    own.bundle_id = bundle->bundle->id().c_str();
    own.model_id = manifest.model_id.c_str();
    own.version = manifest.version.c_str();
    own.symbol = manifest.symbol.c_str();
    own.interval = manifest.interval.c_str();
    own.backend = manifest.backend.c_str();
    own.interval_ns = manifest.interval_ns;
    own.seq_len = manifest.window.seq_len;
    own.n_features = manifest.window.n_features;
    own.horizon = manifest.horizon;
    own.kind = kind_of(manifest.output);
    own.windows_cross_sessions = manifest.windows_cross_sessions ? 1 : 0;
    own.n_outputs = static_cast<std::int64_t>(manifest.n_outputs());
    own.created_at = manifest.created_at.c_str();
    own.spec_hash = manifest.spec_hash.c_str();
    own.label = manifest.label.c_str();
    own.tolerance = manifest.tolerance;
    own.first_valid_row = plan.first_valid_row();
    own.settle = plan.settle().value_or(-1);
    own.session_gap_ns = plan.session_gap();
    own.train = span_of(manifest.train);
    own.validation = span_of(manifest.validation);
    own.test = span_of(manifest.test);
    write_struct(own, info);
  });
}

const char* sentio_bundle_feature_name(const sentio_bundle* bundle, int64_t feature) noexcept {
  if (bundle == nullptr || feature < 0) return nullptr;
  const auto& features = bundle->bundle->plan()->features();
  const auto place = static_cast<std::size_t>(feature);
  return place < features.size() ? features[place].name.c_str() : nullptr;
}

const char* sentio_bundle_class_name(const sentio_bundle* bundle, int64_t place) noexcept {
  return bundle == nullptr ? nullptr : at(bundle->bundle->manifest().classes, place);
}

const char* sentio_bundle_backend_name(const sentio_bundle* bundle, int64_t place) noexcept {
  return bundle == nullptr ? nullptr : at(bundle->bundle->manifest().backends, place);
}

sentio_result sentio_bundle_get_range(const sentio_bundle* bundle, int64_t feature,
                                      sentio_range* range) noexcept {
  return guarded([&] {
    require(bundle != nullptr, "bundle is NULL");
    require_output(range);
    const auto& ranges = bundle->bundle->manifest().drift;
    const sentio::FeatureRange& found = ranges[place_of(feature, ranges.size())];
    sentio_range own{};
    own.min = found.min;
    std::ranges::copy(found.deciles, own.deciles);
    own.max = found.max;
    std::ranges::copy(found.counts, own.counts);
    write_struct(own, range);
  });
}

sentio_result sentio_bundle_engine_state(const sentio_bundle* bundle, const void** state,
                                         size_t* size) noexcept {
  return guarded([&] {
    require(bundle != nullptr && state != nullptr && size != nullptr, "bundle, state or size is NULL");
    const auto bytes = bundle->bundle->engine_state();
    *state = bytes.data();
    *size = bytes.size();
  });
}
