// Bars from a cache entry, docs/reference/cache.md.
#include <fstream>
#include <iterator>

#include "bar_feed.hpp"
#include "json.hpp"
#include "runtime/json_fields.hpp"
#include "runtime/npy.hpp"
#include "screen.hpp"
#include "sentio/error.hpp"

namespace sentio::cli {
namespace {

namespace fs = std::filesystem;

struct EntryFacts {
  std::string spec_hash;
  std::string interval;
  std::string created_at;
  bool simulated = false;
  std::size_t rows = 0;
};

EntryFacts parse_facts(std::string_view text, const std::string& place) {
  const Json json = parse_json(text, place, ErrorCode::corrupt);
  std::vector<Problem> problems;
  JsonFields fields(json, "", problems);
  EntryFacts facts{.spec_hash = fields.hash("spec_hash"),
                   .interval = fields.text("interval"),
                   .created_at = fields.text("created_at"),
                   .simulated = fields.truth("simulated"),
                   .rows = static_cast<std::size_t>(fields.integer("rows", 0))};
  if (!problems.empty()) throw Error(ErrorCode::corrupt, place + " is not a manifest", std::move(problems));
  return facts;
}

// The folder of the newest entry that fits, chosen by what the manifests say; whether they are true is
// checked when the entry is read.
std::optional<fs::path> find_entry(const fs::path& shelf, const BundleManifest& bundle) {
  std::optional<fs::path> newest;
  std::string newest_time;
  if (!fs::is_directory(shelf)) return newest;
  for (const fs::directory_entry& entry : fs::directory_iterator(shelf)) {
    if (entry.path().filename().string().starts_with(".")) continue;  // being built
    const fs::path file = entry.path() / "manifest.json";
    std::ifstream stream(file, std::ios::binary);
    if (!stream) continue;
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    const EntryFacts facts = parse_facts(text, file.string());
    if (facts.spec_hash != bundle.spec_hash || facts.interval != bundle.interval) continue;
    if (newest && facts.created_at <= newest_time) continue;
    newest = entry.path();
    newest_time = facts.created_at;
  }
  return newest;
}

}  // namespace

BarFeed read_cache(const fs::path& root, const std::string& symbol, const Bundle& bundle) {
  const BundleManifest& manifest = bundle.manifest();
  const auto folder = find_entry(root / "data" / "cache" / symbol / manifest.interval, manifest);
  if (!folder) {
    throw Failure(Exit::bad_input,
                  "there are no features of " + symbol + " " + manifest.interval + " by the bundle's spec, " +
                      manifest.spec_hash.substr(0, 12),
                  "sentio features build " + symbol + " --spec tfa --interval " + manifest.interval +
                      " (the spec that the bundle was trained with), or name bars with --csv FILE");
  }
  BarFeed feed{.origin = folder->string()};
  feed.entry = SealedFolder::read(*folder);
  const EntryFacts facts = parse_facts(feed.entry->text("manifest.json"), feed.origin + "/manifest.json");
  const auto ts = read_npy<std::int64_t>(feed.entry->bytes("ts.npy"), "ts.npy", 1);
  const auto bars = read_npy<double>(feed.entry->bytes("bars.npy"), "bars.npy", 2);
  const auto features = read_npy<float>(feed.entry->bytes("features.npy"), "features.npy", 2);
  const std::vector<std::size_t> bars_shape = {facts.rows, 5},
                                 features_shape = {facts.rows, bundle.plan()->width()};
  if (ts.rows() != facts.rows || bars.shape != bars_shape || features.shape != features_shape ||
      facts.spec_hash != manifest.spec_hash || facts.interval != manifest.interval) {
    throw Error(ErrorCode::corrupt, feed.origin + ": its arrays and its manifest do not fit together");
  }
  feed.bars = BarTable::from_rows(ts.values, bars.values);
  feed.simulated = facts.simulated;
  feed.features = features.values;
  return feed;
}

}  // namespace sentio::cli
