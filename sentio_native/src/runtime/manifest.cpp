// Reading metadata.json, and comparing what it says of the features with the plan that this engine made.
#include "runtime/manifest.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "runtime/gate.hpp"
#include "runtime/interval.hpp"
#include "runtime/json_fields.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

constexpr std::int64_t kFormatVersion = 1;
// T and F beyond this are a mistake or an attack; below it, a window's size does not overflow.
constexpr std::int64_t kMostRowsOrFeatures = 100'000;

constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kDigits = "0123456789";

// A name of up to `most` characters of `letters`, digits, dot, underscore and hyphen, the first a letter or a
// digit.
bool is_plain_name(std::string_view name, std::string_view letters, std::size_t most) noexcept {
  const auto is_letter = [&](char c) {
    return letters.find(c) != std::string_view::npos || kDigits.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= most && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || c == '.' || c == '_' || c == '-'; });
}

// Whether a text is a time as "2026-01-31T12:00:00Z", in this form alone.
bool is_time(std::string_view text) noexcept {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  const bool has_form = std::equal(
      text.begin(), text.end(), kForm.begin(), kForm.end(),
      [](char c, char form) { return form == '0' ? kDigits.find(c) != std::string_view::npos : c == form; });
  if (!has_form) return false;
  const auto number = [&](std::size_t first, std::size_t size) {
    unsigned value = 0;
    for (const char digit : text.substr(first, size)) value = 10 * value + static_cast<unsigned>(digit - '0');
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year(static_cast<int>(number(0, 4))),
                                        std::chrono::month(number(5, 2)), std::chrono::day(number(8, 2))};
  return day.ok() && day.year() > std::chrono::year(0) && number(11, 2) < 24 && number(14, 2) < 60 &&
         number(17, 2) < 60;
}

bool is_class_name(std::string_view name) noexcept {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
  return !name.empty() && name.size() <= 32 && kLower.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

class ManifestReader {
 public:
  explicit ManifestReader(const Json& json) : document_(json, "", problems_) {}

  ManifestDocument run() {
    if (document_.integer("format_version") != kFormatVersion) {
      document_.problem("format_version",
                        "is not " + std::to_string(kFormatVersion) + ", the one that this runtime reads");
    }
    read_origin();
    read_spans();
    read_features();
    read_layouts();
    read_drift();
    read_clip();
    read_backends();
    read_golden();
    for (const char* key : {"created_by", "timezone"}) document_.text(key);
    document_.word("adjustment", {"unknown", "raw", "splits", "splits+dividends"});
    read_gate(document_);  // for people: a runtime acts on neither metrics nor gate
    JsonFields engine = document_.object("engine");
    engine.text("version");
    engine.finish();
    JsonFields versions = document_.object("versions");
    for (const char* key : {"sentio", "python", "numpy", "torch"}) versions.text(key);
    versions.finish();
    document_.finish();
    if (problems_.empty()) return std::move(result_);
    throw Error(ErrorCode::bad_bundle,
                "metadata.json is not a manifest of format version " + std::to_string(kFormatVersion),
                std::move(problems_));
  }

 private:
  void read_origin() {
    BundleManifest& manifest = result_.manifest;
    manifest.model_id = read_name("model_id");
    manifest.version = read_name("version");
    manifest.created_at = document_.text("created_at");
    if (!is_time(manifest.created_at)) {
      document_.problem("created_at", "is not a time of the form 2026-01-31T12:00:00Z");
    }
    manifest.simulated = document_.truth("simulated");
    manifest.symbol = document_.text("symbol");  // "" where nobody has said
    if (!manifest.symbol.empty() && !is_plain_name(manifest.symbol, kUpper, 32)) {
      document_.problem("symbol", "is not 1 to 32 of A-Z 0-9 . _ -, the first a letter or digit");
    }
    manifest.interval = document_.text("interval");
    manifest.interval_ns = document_.integer("interval_ns", 1);
    if (parse_interval(manifest.interval) != manifest.interval_ns) {
      document_.problem("interval_ns", "is not the length of interval '" + manifest.interval + "'");
    } else if (interval_text(manifest.interval_ns) != manifest.interval) {
      document_.problem("interval", "is written " + interval_text(manifest.interval_ns));
    }
    JsonFields chain = document_.object("chain");
    for (const char* key : {"bars_hash", "cache_key", "cache_id"}) chain.hash(key);
    manifest.spec_hash = chain.hash("spec_hash");
    chain.text("run");
    chain.text_or_null("git_commit");
    chain.finish();
  }

  std::string read_name(const char* key) {
    static const std::string letters = std::string(kUpper) + std::string(kLower);
    std::string name = document_.text(key);
    if (!is_plain_name(name, letters, 64)) {
      document_.problem(key, "is not 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit");
    }
    return name;
  }

  void read_spans() {
    JsonFields spans = document_.object("spans");
    const auto read = [&](const char* name) {
      JsonFields span = spans.object(name);
      const DataSpan times{span.integer("rows", 1), span.integer("first_ts"), span.integer("last_ts")};
      if (times.rows > kMostSamples) span.problem("rows", "is larger than " + std::to_string(kMostSamples));
      span.finish();
      return times;
    };
    result_.manifest.train = read("train");
    result_.manifest.validation = read("validation");
    result_.manifest.test = read("test");
    spans.finish();
  }

  void read_features() {
    for (const Json& entry : document_.list("features")) {
      const std::string path = "features[" + std::to_string(result_.features.size()) + "]";
      JsonFields fields(entry, path, problems_);
      FeatureInfo feature{.name = fields.text("name"), .op = fields.text("op")};
      feature.op_version = static_cast<int>(
          std::min<std::int64_t>(fields.integer("op_version", 1), std::numeric_limits<int>::max()));
      feature.sources = fields.texts("source");
      feature.params = fields.object("params").all_numbers();
      fields.finish();
      result_.features.push_back(std::move(feature));
    }
    result_.warmup = document_.integer("warmup", 0);
    result_.settle = document_.integer_or_null("settle", 0);
    result_.first_valid_row = document_.integer("first_valid_row", 0);
    if (result_.first_valid_row > kMostSamples) {
      document_.problem("first_valid_row", "is larger than " + std::to_string(kMostSamples));
    }
    result_.session_gap_ns = document_.integer("session_gap_ns", 1);
    result_.allow_early_emit = document_.truth("allow_early_emit");
  }

  void read_layouts() {
    BundleManifest& manifest = result_.manifest;
    JsonFields input = document_.object("input");
    input.word("layout", {"[B, T, F]"});
    input.word("dtype", {"float32"});
    manifest.window = {input.integer("seq_len", 1), input.integer("n_features", 1)};
    if (std::max(manifest.window.seq_len, manifest.window.n_features) > kMostRowsOrFeatures) {
      input.problem("seq_len", "or n_features is larger than " + std::to_string(kMostRowsOrFeatures));
    }
    manifest.windows_cross_sessions = input.truth("windows_cross_sessions");
    input.finish();

    JsonFields output = document_.object("output");
    output.word("layout", {"[B, C]"});
    const std::string kind = output.word("kind", {"logit", "probability", "return", "classes"});
    for (const OutputKind known :
         {OutputKind::logit, OutputKind::probability, OutputKind::forward_return, OutputKind::classes}) {
      if (describe(known) == kind) manifest.output = known;
    }
    manifest.classes = output.texts("classes");
    check_classes(output);
    output.finish();

    JsonFields label = document_.object("label");  // the label's own parameters stand beside these
    manifest.label = label.text("kind");
    manifest.horizon = label.integer("horizon", 1);

    JsonFields normalisation = document_.object("normalisation");
    normalisation.word("kind", {"standard"});
    normalisation.word("where", {"inside the model"});
    result_.mean = normalisation.numbers("mean");
    result_.inverse_deviation = normalisation.numbers("inv_std");
    normalisation.finish();
    const std::size_t means = result_.mean.size(), deviations = result_.inverse_deviation.size();
    const auto width = static_cast<std::size_t>(manifest.window.n_features);
    if (problems_.empty() && (result_.features.size() != width || means != width || deviations != width)) {
      document_.problem("input.n_features", "is " + std::to_string(width) + ", but there are " +
                                                std::to_string(result_.features.size()) + " features, " +
                                                std::to_string(means) + " means and " +
                                                std::to_string(deviations) + " deviations");
    }
  }

  // Names that may stand in a file's header, for as many outputs as a prediction has room for.
  void check_classes(JsonFields& output) {
    const std::vector<std::string>& classes = result_.manifest.classes;
    const bool has_classes = result_.manifest.output == OutputKind::classes;
    if (has_classes ? classes.size() < 2 || classes.size() > kMostOutputs : !classes.empty()) {
      output.problem("classes", "are " + std::to_string(classes.size()) + "; kind '" +
                                    std::string(describe(result_.manifest.output)) + "' has " +
                                    (has_classes ? "2 to " + std::to_string(kMostOutputs) : "none"));
    }
    for (auto name = classes.begin(); name != classes.end(); ++name) {
      if (!is_class_name(*name)) {
        output.problem("classes", "'" + *name + "' is not 1 to 32 of a-z 0-9 _, the first a letter");
      }
      if (std::find(classes.begin(), name, *name) != name) {
        output.problem("classes", "'" + *name + "' comes twice");
      }
    }
  }

  void read_clip() {
    auto bounds = document_.object_or_null("clip");
    if (!bounds) return;
    clip_ = {static_cast<float>(bounds->number("low")), static_cast<float>(bounds->number("high"))};
    bounds->finish();
    if (!(clip_->low < clip_->high) || std::isinf(clip_->low) || std::isinf(clip_->high)) {
      bounds->problem("low", "is not below high, as finite float32");
    }
  }

  void read_drift() {
    BundleManifest& manifest = result_.manifest;
    for (const Json& entry : document_.list("drift")) {
      JsonFields fields(entry, "drift[" + std::to_string(manifest.drift.size()) + "]", problems_);
      FeatureRange& range = manifest.drift.emplace_back();
      std::vector<double> edges = {fields.number("min")};
      const std::vector<double> deciles = fields.numbers("deciles");
      const std::vector<std::int64_t> counts = fields.counts("counts");
      edges.insert(edges.end(), deciles.begin(), deciles.end());
      edges.push_back(fields.number("max"));
      fields.finish();
      if (deciles.size() != range.deciles.size() || counts.size() != range.counts.size()) {
        fields.problem("deciles", "and counts are " + std::to_string(deciles.size()) + " and " +
                                      std::to_string(counts.size()) + ", not 9 and 10");
        continue;
      }
      // Compared before they are rounded, which could hide a difference or an overflow.
      constexpr double kLargest = std::numeric_limits<float>::max();
      if (!std::is_sorted(edges.begin(), edges.end()) || edges.front() < -kLargest ||
          edges.back() > kLargest) {
        fields.problem("deciles", "do not ascend from min to max as finite float32");
        continue;
      }
      range.min = static_cast<float>(edges.front());
      range.max = static_cast<float>(edges.back());
      std::transform(deciles.begin(), deciles.end(), range.deciles.begin(),
                     [](double value) { return static_cast<float>(value); });
      std::copy(counts.begin(), counts.end(), range.counts.begin());
      if (!holds_tenths(range.counts)) {
        fields.problem("counts", "do not hold a tenth of the rows at or below each decile");
      }
    }
    if (problems_.empty() && manifest.drift.size() != result_.features.size()) {
      document_.problem("drift", "is not one for each feature");
    }
  }

  static bool holds_tenths(const std::array<std::int64_t, 10>& counts) {
    const std::int64_t rows = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    std::int64_t below = 0;
    for (std::size_t k = 0; k + 1 < counts.size(); ++k) {
      below += counts[k];
      if (10 * below < static_cast<std::int64_t>(k + 1) * rows) return false;
    }
    return rows > 0;
  }

  void read_backends() {
    for (const Json& entry : document_.list("backends")) {
      const std::string path = "backends[" + std::to_string(result_.backends.size()) + "]";
      JsonFields fields(entry, path, problems_);
      BackendEntry backend;
      backend.name = fields.word("name", {"native", "torchscript", "aoti", "onnx"});
      if (fields.integer("threads") != 1) fields.problem("threads", "is not 1");
      backend.tolerance = fields.number("tolerance");
      if (!(backend.tolerance > 0)) fields.problem("tolerance", "is not positive");
      if (backend.name == "native") {
        backend.file = fields.word("file", {"model.safetensors"});
        read_network(fields.list("network"), path + ".network", backend.network);
        backend.clip = clip_;
      } else if (backend.name == "torchscript") {
        backend.file = fields.word("file", {"model.pt"});
        fields.word("scripted_by", {"script", "trace"});
        backend.exact = true;
        backend.recorded_on = {fields.text("torch"), fields.text("cpu_capability")};
      } else if (backend.name == "aoti") {
        backend.file = fields.word("file", {"model.pt2"});
        backend.recorded_on = {fields.text("torch"), fields.text("cpu_capability")};
        fields.word("instruction_set", {"x86-64-v3"});  // as load_aoti_model asks of the processor
      } else {
        backend.file = fields.word("file", {"model.onnx"});
        fields.integer("opset", 1);
      }
      fields.finish();
      auto& names = result_.manifest.backends;
      if (std::find(names.begin(), names.end(), backend.name) != names.end()) {
        fields.problem("name", "comes twice");
      }
      names.push_back(backend.name);
      result_.backends.push_back(std::move(backend));
    }
    if (problems_.empty() && result_.backends.empty()) document_.problem("backends", "is empty");
  }

  // Layers that fit each other, from the window to the outputs.
  void read_network(const Json& list, const std::string& path, std::vector<Layer>& network) {
    const WindowShape& window = result_.manifest.window;
    std::size_t width = 0;
    if (problems_.empty()) width = window.size();
    if (width > kWidestLayer) {
      problems_.push_back({path, "a window holds " + std::to_string(width) + " values; allowed are " +
                                     std::to_string(kWidestLayer)});
    }
    for (const Json& entry : list) {
      const std::string place = path + "[" + std::to_string(network.size()) + "]";
      JsonFields fields(entry, place, problems_);
      const std::string kind = fields.word("layer", {"linear", "gelu", "relu", "sigmoid", "tanh"});
      Layer layer;
      for (const LayerKind known :
           {LayerKind::linear, LayerKind::gelu, LayerKind::relu, LayerKind::sigmoid, LayerKind::tanh}) {
        if (describe(known) == kind) layer.kind = known;
      }
      if (layer.kind == LayerKind::linear) {
        const std::int64_t inputs = fields.integer("inputs", 1), outputs = fields.integer("outputs", 1);
        if (std::max(inputs, outputs) > static_cast<std::int64_t>(kWidestLayer)) {
          fields.problem("outputs", "or inputs is larger than " + std::to_string(kWidestLayer));
        }
        layer.inputs = static_cast<std::size_t>(inputs);
        layer.outputs = static_cast<std::size_t>(outputs);
        if (problems_.empty() && layer.inputs != width) {
          fields.problem("inputs", "is not " + std::to_string(width) + ", what comes in");
        }
        width = layer.outputs;
      } else if (network.empty()) {
        fields.problem("layer", "is the first, which must be linear");
      }
      fields.finish();
      network.push_back(layer);
    }
    const std::size_t outputs = result_.manifest.n_outputs();
    if (problems_.empty() && (network.empty() || width != outputs)) {
      problems_.push_back({path, "does not end in " + std::to_string(outputs) + " outputs"});
    }
  }

  void read_golden() {
    JsonFields golden = document_.object("golden");
    result_.golden_bars = static_cast<std::size_t>(golden.integer("bars", 1));
    if (golden.integer("windows") != static_cast<std::int64_t>(kGoldenWindows)) {
      golden.problem("windows", "is not " + std::to_string(kGoldenWindows));
    }
    if (golden.counts("batches") !=
        std::vector<std::int64_t>(std::begin(kGoldenBatches), std::end(kGoldenBatches))) {
      golden.problem("batches", "is not [1, 7, 256]");
    }
    if (golden.integer("stress") != static_cast<std::int64_t>(kStressWindows)) {
      golden.problem("stress", "is not " + std::to_string(kStressWindows));
    }
    golden.finish();
  }

  std::vector<Problem> problems_;
  JsonFields document_;
  ManifestDocument result_;
  std::optional<Clip> clip_;
};

std::string text_of(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "null";
}

}  // namespace

std::string_view describe(OutputKind kind) noexcept {
  switch (kind) {
    case OutputKind::logit:
      return "logit";
    case OutputKind::probability:
      return "probability";
    case OutputKind::forward_return:
      return "return";
    case OutputKind::classes:
      return "classes";
  }
  return "unknown kind";
}

ManifestDocument parse_manifest(std::string_view text) {
  const Json json = parse_json(text, "metadata.json", ErrorCode::bad_bundle);
  require_plain_texts(json, "metadata.json", ErrorCode::bad_bundle);
  return ManifestReader(json).run();
}

std::vector<Problem> compare_with_plan(const ManifestDocument& document, const Plan& plan) {
  std::vector<Problem> problems;
  const auto compare = [&](const std::string& path, const std::string& said, const std::string& is) {
    if (said != is) problems.push_back({path, "is " + said + " in the manifest, " + is + " by the spec"});
  };
  compare("features", std::to_string(document.features.size()), std::to_string(plan.width()));
  for (std::size_t k = 0; k < std::min(document.features.size(), plan.width()); ++k) {
    const FeatureInfo& said = document.features[k];
    const FeatureInfo& is = plan.features()[k];
    const std::string path = "features[" + std::to_string(k) + "]";
    compare(path + ".name", said.name, is.name);
    compare(path + ".op", said.op + " " + std::to_string(said.op_version),
            is.op + " " + std::to_string(is.op_version));
    if (said.sources != is.sources) problems.push_back({path + ".source", "differs from the spec"});
    if (said.params != is.params) problems.push_back({path + ".params", "differ from the spec"});
  }
  compare("warmup", std::to_string(document.warmup), std::to_string(plan.warmup()));
  compare("settle", text_of(document.settle), text_of(plan.settle()));
  compare("first_valid_row", std::to_string(document.first_valid_row),
          std::to_string(plan.first_valid_row()));
  compare("session_gap_ns", std::to_string(document.session_gap_ns), std::to_string(plan.session_gap()));
  compare("allow_early_emit", document.allow_early_emit ? "true" : "false",
          plan.allow_early_emit() ? "true" : "false");
  return problems;
}

}  // namespace sentio
