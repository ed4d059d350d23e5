// Bars from a cache entry, docs/reference/cache.md.
#include <algorithm>
#include <fstream>
#include <iterator>

#include "bar_feed.hpp"
#include "json.hpp"
#include "runtime/hashed_file.hpp"
#include "runtime/json_fields.hpp"
#include "runtime/npy.hpp"
#include "runtime/sealed_folder.hpp"
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

// An array of an entry, whose rows are asked for in their order.
template <class T>
class NpyRows {
 public:
  NpyRows(HashedFile file, std::vector<std::size_t> shape)
      : file_(std::move(file)), width_(shape.size() > 1 ? shape[1] : 1), row_(width_) {
    next_block();
    const auto layout = read_npy_layout<T>(block_, file_.size(), file_.place(), shape.size());
    if (layout.shape != shape)
      throw Error(ErrorCode::corrupt, file_.place() + ": has not the manifest's shape");
    data_offset_ = layout.data_offset;
  }

  // Valid until the next call. Rows before it are passed over, and cannot be asked for any more.
  std::span<const T> row(std::size_t number) {
    std::size_t begin = data_offset_ + number * width_ * sizeof(T);
    auto bytes = std::as_writable_bytes(std::span(row_));
    while (true) {
      while (begin >= block_begin_ + block_.size()) next_block();
      const auto rest = block_.subspan(begin - block_begin_);
      const std::size_t taken = std::min(rest.size(), bytes.size());
      std::copy_n(rest.begin(), taken, bytes.begin());
      bytes = bytes.subspan(taken);
      begin += taken;
      if (bytes.empty()) return row_;
    }
  }

  void rewind() {
    file_.rewind();
    block_ = {};
    block_begin_ = 0;
  }

 private:
  void next_block() {
    block_begin_ += block_.size();
    block_ = file_.next_block();
  }

  HashedFile file_;
  std::size_t width_;
  std::vector<T> row_;
  std::span<const std::byte> block_;
  std::size_t block_begin_ = 0, data_offset_ = 0;
};

class CacheFeed final : public BarFeed {
 public:
  CacheFeed(SealedFolder entry, const std::string& place, const EntryFacts& facts, std::size_t width)
      : BarFeed({.place = place, .simulated = facts.simulated, .entry_id = entry.id()}),
        count_(facts.rows),
        ts_(entry.take("ts.npy"), {count_}),
        bars_(entry.take("bars.npy"), {count_, 5}),
        features_(entry.take("features.npy"), {count_, width}) {}

  std::optional<Bar> next() override {
    if (next_ == count_) return std::nullopt;
    const auto bar = bars_.row(next_);
    const std::int64_t ts = ts_.row(next_)[0];
    ++next_;
    return Bar{ts, bar[0], bar[1], bar[2], bar[3], bar[4]};
  }

  std::span<const float> features() override { return features_.row(next_ - 1); }

  void rewind() override {
    next_ = 0;
    ts_.rewind();
    bars_.rewind();
    features_.rewind();
  }

 private:
  std::size_t count_, next_ = 0;
  NpyRows<std::int64_t> ts_;
  NpyRows<double> bars_;
  NpyRows<float> features_;
};

}  // namespace

std::unique_ptr<BarFeed> open_cache_feed(const fs::path& root, const std::string& symbol,
                                         const Bundle& bundle) {
  const BundleManifest& manifest = bundle.manifest();
  const auto folder = find_entry(root / "data" / "cache" / symbol / manifest.interval, manifest);
  if (!folder) {
    throw Failure(Exit::bad_input,
                  "there are no features of " + symbol + " " + manifest.interval + " by the bundle's spec, " +
                      manifest.spec_hash.substr(0, 12),
                  "sentio features build " + symbol + " --spec tfa --interval " + manifest.interval +
                      " (the spec that the bundle was trained with), or name bars with --csv FILE");
  }
  // Sealed too, but not read here: features.parquet.
  static constexpr std::string_view kLarge[] = {"ts.npy", "bars.npy", "features.npy", "features.parquet"};
  SealedFolder entry = SealedFolder::read(*folder, {.large = kLarge});
  const EntryFacts facts = parse_facts(entry.text("manifest.json"), folder->string() + "/manifest.json");
  if (facts.spec_hash != manifest.spec_hash || facts.interval != manifest.interval) {
    throw Error(ErrorCode::corrupt, folder->string() + ": its manifest was changed while it was being read");
  }
  return std::make_unique<CacheFeed>(std::move(entry), folder->string(), facts, bundle.plan()->width());
}

}  // namespace sentio::cli
