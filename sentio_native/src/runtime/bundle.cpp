// Loading a bundle: check, then parse, then replay; every check leaves one line.
#include "sentio/bundle.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string>

#include "runtime/backends.hpp"
#include "runtime/golden.hpp"
#include "runtime/manifest.hpp"
#include "runtime/safetensors.hpp"
#include "runtime/sealed_folder.hpp"
#include "runtime/signature.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "text.hpp"

namespace sentio {
namespace {

// The files of every bundle.
constexpr auto kFiles = std::to_array<std::string_view>(
    {"engine.state", "feature_spec.json", "golden/bars.npy", "golden/before.state", "golden/features.npy",
     "golden/outputs_1.npy", "golden/outputs_256.npy", "golden/outputs_7.npy", "golden/rows.npy",
     "golden/stress.npy", "golden/stress_outputs.npy", "golden/ts.npy", "golden/warm_features.npy",
     "metadata.json"});

constexpr std::string_view kNativeGolden = "golden/native.npy";

// Those that the backends bring.
constexpr auto kBackendFiles = std::to_array<std::string_view>(
    {kNativeGolden, "model.onnx", "model.pt", "model.pt2", "model.safetensors"});

// An error in one line.
std::string line_of(const Error& error) {
  std::string text = error.what();
  text.resize(std::min(text.size(), text.find('\n')));
  for (const Problem& problem : error.problems()) text += "; " + problem.path + ": " + problem.message;
  return one_line(text);
}

}  // namespace

class Examination {
 public:
  // `every`: to make every check that can be made, of all backends that this build has. Else the first that
  // fails is thrown, so that no model of a bundle that is refused is ever loaded, and one backend is
  // examined, the one that is to run.
  Examination(const std::filesystem::path& folder, const LoadOptions& options, bool every)
      : folder_(folder), options_(options), every_(every) {
    run();
  }

  VerifyReport report;
  std::shared_ptr<Bundle> bundle{new Bundle()};

 private:
  // Runs one check, which returns what it found or throws.
  template <class Function>
  bool check(const std::string& name, Function&& function) {
    std::string found;
    if (!attempt(name, [&] { found = function(); })) return false;
    report.checks.push_back({name, true, std::move(found)});
    return true;
  }

  // Leaves a line where `function` throws. What the caller must act upon, rather than the bundle's maker, is
  // not a failed check: it goes on to the caller as it is.
  template <class Function>
  bool attempt(const std::string& name, Function&& function) {
    try {
      function();
      return true;
    } catch (const Error& error) {
      if (error.code() == ErrorCode::missing || error.code() == ErrorCode::unsupported) throw;
      if (!every_) refuse(error.code(), {name, line_of(error)});
      report.checks.push_back({name, false, line_of(error)});
      return false;
    }
  }

  [[noreturn]] void refuse(ErrorCode code, Problem problem) const {
    throw Error(code == ErrorCode::corrupt ? code : ErrorCode::bad_bundle,
                folder_.string() + ": the bundle is refused", {std::move(problem)});
  }

  void run() {
    std::optional<TrustedKey> trusted;
    if (options_.trusted_key) trusted.emplace(*options_.trusted_key);
    report.damaged = !attempt("SHA256SUMS", [&] { open_folder(); });
    if (report.damaged) return;
    if (trusted && !check("signature", [&] { return check_signature(*trusted); })) return;
    report.damaged = !check("SHA256SUMS", [&] { return read_files(); });
    if (report.damaged) return;
    // Each of these needs the ones before.
    if (!check("manifest", [&] { return read_manifest(); })) return;
    if (!check("files", [&] { return check_files(); })) return;
    if (!check("spec hash", [&] { return compile_spec(); })) return;
    if (!check("features", [&] { return compare_features(); })) return;
    check("engine state", [&] { return read_state(); });
    std::optional<Golden> golden;
    const bool has_golden = check("golden files", [&] {
      golden.emplace(*files_, document_);
      return std::to_string(document_.golden_bars) + " bars, " + std::to_string(kGoldenWindows) + " windows";
    });
    if (has_golden) {
      check("golden features, batch", [&] { return golden->replay_features(bundle->plan_); });
      check("golden features, bar by bar", [&] { return golden->replay_stream(bundle->plan_); });
      if (check("golden features, warm start", [&] { return golden->replay_warm(bundle->plan_); })) {
        check_cold_start(*golden);
      }
    }
    for (const BackendEntry& backend : document_.backends) examine(backend, has_golden ? &*golden : nullptr);
    if (bundle->model_ == nullptr && report.ok()) {
      const std::string asked = options_.backend.empty() ? "" : "'" + options_.backend + "' was asked for; ";
      throw Error(ErrorCode::unsupported, asked + "the bundle holds the backends " +
                                              join(document_.manifest.backends) + "; " + say_backends());
    }
  }

  void check_cold_start(const Golden& golden) {
    const std::string name = "golden features, cold start";
    if (const auto obstacle = golden.cold_start_obstacle(bundle->plan_)) {
      report.checks.push_back({name, false, *obstacle, true});
    } else {
      check(name, [&] { return golden.compare_cold_start(*bundle->plan_); });
    }
  }

  // The checks of one backend. The first that runs becomes the bundle's.
  void examine(const BackendEntry& backend, const Golden* golden) {
    const auto named = [&](const std::string& name) { return backend.name + ": " + name; };
    const bool wanted = options_.backend.empty() || options_.backend == backend.name;
    const bool loads = options_.model_loader ? bundle->model_ == nullptr : has_backend(backend.name);
    if (!wanted || !loads || (!every_ && bundle->model_ != nullptr)) {
      if (wanted && !loads && every_) report.checks.push_back({named("model"), false, say_backends(), true});
      return;
    }
    std::unique_ptr<const Model> model;
    try {
      if (!check(named("model"), [&] { return load(backend, model); })) return;
    } catch (const Error& error) {  // this processor lacks what it needs
      if (!every_ || error.code() != ErrorCode::unsupported) throw;
      report.checks.push_back({named("model"), false, line_of(error), true});
      return;
    }
    if (backend.name == "native") check(named("normalisation"), [&] { return compare_scaler(backend); });
    if (golden != nullptr) {
      for (const std::size_t batch : kGoldenBatches) {
        check(named("golden outputs, batch " + std::to_string(batch)),
              [&] { return golden->replay_outputs(*model, backend, batch); });
      }
      check(named("golden outputs, stress"), [&] { return golden->replay_stress(*model, backend); });
    }
    check(named("wrong inputs refused"), [&] { return probe(*model); });
    if (bundle->model_ != nullptr) return;
    bundle->model_ = std::move(model);
    bundle->manifest_.backend = backend.name;
    bundle->manifest_.tolerance = backend.tolerance;
  }

  void open_folder() {
    files_ = SealedFolder::open(folder_);
    report.bundle_id = bundle->id_ = files_->id();
  }

  std::string read_files() {
    std::vector<std::string_view> allowed(kFiles.begin(), kFiles.end());
    allowed.insert(allowed.end(), kBackendFiles.begin(), kBackendFiles.end());
    files_->read_files({.allowed = allowed});
    return std::to_string(files_->names().size()) + " files, each as it was sealed";
  }

  std::string check_signature(const TrustedKey& trusted) const {
    trusted.check(files_->sums(), files_->signature());
    return "by the trusted key " + trusted.fingerprint();
  }

  std::string check_files() const {
    std::set<std::string, std::less<>> expected(kFiles.begin(), kFiles.end());
    for (const BackendEntry& backend : document_.backends) {
      expected.insert(backend.file);
      if (backend.name == "native") expected.emplace(kNativeGolden);
    }
    const auto names = files_->names();
    std::vector<Problem> problems;
    for (const std::string& file : expected) {
      if (!std::binary_search(names.begin(), names.end(), file)) problems.push_back({file, "is missing"});
    }
    for (const std::string& name : names) {
      if (!expected.contains(name)) problems.push_back({name, "is no file of this bundle"});
    }
    if (!problems.empty())
      throw Error(ErrorCode::bad_bundle, "these are not a bundle's files", std::move(problems));
    return std::to_string(names.size()) + ", those of a bundle with " + join(document_.manifest.backends);
  }

  std::string read_manifest() {
    document_ = parse_manifest(files_->text("metadata.json"));
    bundle->manifest_ = document_.manifest;
    return document_.manifest.model_id + " " + document_.manifest.version +
           (document_.manifest.simulated ? ", trained on SIMULATED bars" : "");
  }

  std::string compile_spec() {
    bundle->plan_ = Plan::compile(files_->text("feature_spec.json"));
    if (bundle->plan_->dtype() != Dtype::float32)
      throw Error(ErrorCode::bad_spec, "its dtype is not float32");
    const std::string hash = bundle->plan_->hash_hex();
    if (hash != document_.manifest.spec_hash) {
      throw Error(ErrorCode::bad_bundle,
                  "this engine computes " + hash + ", the manifest says " + document_.manifest.spec_hash);
    }
    return hash;
  }

  std::string compare_features() const {
    auto problems = compare_with_plan(document_, *bundle->plan_);
    if (!problems.empty())
      throw Error(ErrorCode::bad_bundle, "the manifest is not of this spec", std::move(problems));
    return std::to_string(bundle->plan_->width()) + " features, names and order as the spec has them";
  }

  std::string read_state() {
    const auto bytes = files_->bytes("engine.state");
    Engine engine(bundle->plan_);
    engine.restore(bytes);
    const auto again = engine.state();
    if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end())) {
      throw Error(ErrorCode::bad_bundle, "it gives other bytes when it is restored and taken again");
    }
    // The bars that the training data must have had: those of the spans, and those before the first full
    // window.
    const BundleManifest& manifest = document_.manifest;
    const std::int64_t bars = manifest.train.rows + manifest.validation.rows + manifest.test.rows +
                              document_.first_valid_row + manifest.window.seq_len - 1;
    if (engine.bars_seen() < bars || engine.last_ts().value_or(0) < manifest.test.last_ts) {
      throw Error(ErrorCode::bad_bundle, "it ends after " + std::to_string(engine.bars_seen()) +
                                             " bars, before the training data does");
    }
    bundle->engine_state_.assign(bytes.begin(), bytes.end());
    return "after " + std::to_string(engine.bars_seen()) + " bars";
  }

  std::string load(const BackendEntry& backend, std::unique_ptr<const Model>& model) {
    const ModelShape shape{document_.manifest.window, document_.manifest.n_outputs()};
    const auto bytes = files_->bytes(backend.file);
    model = options_.model_loader ? options_.model_loader(bytes, shape) : load_model(backend, bytes, shape);
    const ModelEnvironment here = model->environment();
    return here.library + " " + here.cpu_capability;
  }

  // The manifest's copy of the scaler with the tensors that the model was made of.
  std::string compare_scaler(const BackendEntry& backend) const {
    const Tensors tensors = read_safetensors(files_->bytes(backend.file), backend.file);
    std::vector<Problem> problems;
    const auto compare = [&](const char* key, const std::vector<double>& told, std::string_view tensor) {
      const auto held = tensors.find(tensor);
      if (held == tensors.end() ||
          !std::equal(told.begin(), told.end(), held->second.values.begin(), held->second.values.end()))
        problems.push_back(
            {std::string("normalisation.") + key, "is not the weights' " + std::string(tensor)});
    };
    compare("mean", document_.mean, "scaler.mean");
    compare("inv_std", document_.inverse_deviation, "scaler.inverse_deviation");
    if (!problems.empty()) {
      throw Error(ErrorCode::bad_bundle, "the manifest's copy of the scaler is another", std::move(problems));
    }
    return std::to_string(document_.mean.size()) + " means and deviations, those of the weights";
  }

  static std::string probe(const Model& model) {
    const auto probes = model.probe();
    std::vector<Problem> problems;
    for (const Model::Probe& probe : probes) {
      if (!probe.refused) problems.push_back({probe.what, "was accepted"});
    }
    if (!problems.empty())
      throw Error(ErrorCode::bad_bundle, "the model accepts what it must refuse", std::move(problems));
    return std::to_string(probes.size()) + " of " + std::to_string(probes.size());
  }

  const std::filesystem::path& folder_;
  const LoadOptions& options_;
  const bool every_;
  std::optional<SealedFolder> files_;
  ManifestDocument document_;
};

bool VerifyReport::ok() const noexcept {
  return std::all_of(checks.begin(), checks.end(),
                     [](const Check& check) { return check.ok || check.left_out; });
}

std::shared_ptr<const Bundle> Bundle::load(const std::filesystem::path& folder, const LoadOptions& options) {
  return Examination(folder, options, false).bundle;
}

VerifyReport verify_bundle(const std::filesystem::path& folder, const LoadOptions& options) {
  return Examination(folder, options, true).report;
}

}  // namespace sentio
