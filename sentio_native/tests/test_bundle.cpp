// A bundle is what was exported, or it is refused, and the check that failed says what differs.
#include <algorithm>
#include <limits>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/golden.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

VerifyReport verify(const Files& files, const LoadOptions& options = sum_model()) {
  const TemporaryFolder folder;
  seal(folder.path(), files);
  return verify_bundle(folder.path(), options);
}

// The name of the first check that fails.
std::string first_failure(const Files& files, const LoadOptions& options = sum_model()) {
  for (const Check& check : verify(files, options).checks) {
    if (!check.ok) return check.name;
  }
  return "none";
}

// A valid bundle whose manifest was changed and sealed again.
Files with_manifest(const std::function<void(Json&)>& change, const BundleOptions& options = {},
                    const std::string& model_file = "model.pt") {
  Files files = make_bundle(options);
  if (model_file != "model.pt") {
    files[model_file] = files["model.pt"];
    files.erase("model.pt");
  }
  Json manifest = Json::parse(files["metadata.json"]);
  change(manifest);
  files["metadata.json"] = manifest.dump();
  return files;
}

// A valid bundle in which one bit of a file's values, `offset` from its end, was changed and sealed again.
Files with_bit(const std::string& name, std::size_t offset) {
  Files files = make_bundle();
  std::string& bytes = files[name];
  bytes[bytes.size() - offset] = static_cast<char>(bytes[bytes.size() - offset] ^ 1);
  return files;
}

TEST(a_valid_bundle_loads_and_every_check_passes) {
  for (const BundleOptions& options :
       {BundleOptions{}, BundleOptions{.seq_len = 8},
        BundleOptions{.seq_len = 8, .windows_cross_sessions = false, .kind = "return"}}) {
    const TemporaryFolder folder;
    seal(folder.path(), make_bundle(options));
    const VerifyReport report = verify_bundle(folder.path(), sum_model());
    for (const Check& check : report.checks) {
      if (!check.ok) throw std::runtime_error(check.name + ": " + check.detail);
      CHECK(!check.detail.empty());
    }
    CHECK_EQUAL(report.checks.size(), 17u);
    const auto bundle = Bundle::load(folder.path(), sum_model());
    CHECK_EQUAL(bundle->id(), report.bundle_id);
    CHECK_EQUAL(bundle->manifest().window.seq_len, options.seq_len);
    CHECK_EQUAL(bundle->manifest().horizon, 2);
    CHECK_EQUAL(describe(bundle->manifest().output), options.kind);
    CHECK_EQUAL(bundle->manifest().windows_cross_sessions, options.windows_cross_sessions);
  }
}

TEST(a_bit_that_is_flipped_anywhere_is_refused_before_anything_is_parsed) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  std::size_t flips = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string good(std::istreambuf_iterator<char>(stream), {});
    // Every byte of the short files, some hundred places of the long ones; flip_every_byte.cpp takes all.
    const std::size_t step = std::max<std::size_t>(1, good.size() / 100);
    for (std::size_t i = 0; i < good.size(); i += step, ++flips) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      write_file(entry.path(), bad);
      const VerifyReport report = verify_bundle(folder.path(), sum_model());
      CHECK(report.damaged);
      CHECK(!report.ok());
      CHECK_EQUAL(report.checks.size(), 1u);
      CHECK_EQUAL(report.checks[0].name, "SHA256SUMS");
    }
    write_file(entry.path(), good);
  }
  CHECK(flips > 800);
  CHECK(verify_bundle(folder.path(), sum_model()).ok());
  write_file(folder.path() / "model.pt", "another sum");
  CHECK_THROWS(corrupt, "model.pt", (void)Bundle::load(folder.path(), sum_model()));
}

TEST(a_file_that_is_cut_missing_added_or_of_another_bundle_is_refused) {
  const TemporaryFolder folder;
  const Files files = make_bundle({.native = true});
  const Files other = make_bundle({.seq_len = 8, .kind = "return", .native = true});
  std::size_t refused = 0;
  const auto refuses = [&](const std::filesystem::path& file, const std::string& what) {
    const VerifyReport report = verify_bundle(folder.path(), {.backend = "native"});
    if (!report.damaged || report.checks.size() != 1 || report.ok()) {
      throw std::runtime_error(file.string() + ": " + what + ": accepted");
    }
    ++refused;
  };
  seal(folder.path(), files);
  std::size_t expected = 0;
  for (const auto& [name, bytes] : files) {
    const auto path = folder.path() / name;
    for (const std::size_t size : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      write_file(path, bytes.substr(0, size));
      refuses(path, "cut");
    }
    write_file(path, bytes + '\0');
    refuses(path, "longer");
    std::filesystem::remove(path);
    refuses(path, "missing");
    write_file(path, bytes);
    write_file(path.string() + ".more", "");
    refuses(path, "another beside it");
    std::filesystem::remove(path.string() + ".more");
    expected += 6;
    if (other.at(name) == bytes) continue;
    write_file(path, other.at(name));
    refuses(path, "another bundle's");
    write_file(path, bytes);
    ++expected;
    // Sealed again, so that the hashes hold: what it says or computes then does not fit the rest.
    Files mixed = files;
    mixed[name] = other.at(name);
    const TemporaryFolder sealed;
    seal(sealed.path(), mixed);
    CHECK(!verify_bundle(sealed.path(), {.backend = "native"}).ok());
  }
  CHECK_EQUAL(refused, expected);
  CHECK(expected > 90);
  CHECK(verify_bundle(folder.path(), {.backend = "native"}).ok());
}

TEST(a_file_that_no_bundle_has_is_refused_though_it_is_sealed) {
  Files files = make_bundle();
  files["more.txt"] = "";
  CHECK_EQUAL(first_failure(files), "files");
  files = make_bundle();
  files.erase("golden/outputs_7.npy");
  CHECK_EQUAL(first_failure(files), "files");
}

TEST(a_manifest_that_is_not_as_listed_is_refused) {
  using Change = std::function<void(Json&)>;
  const std::vector<std::pair<const char*, Change>> changes = {
      {"format_version", [](Json& m) { m["format_version"] = 2; }},
      {"format_version", [](Json& m) { m["format_version"] = 1.0; }},
      {"sybmol: is not a known key; did you mean symbol?", [](Json& m) { m["sybmol"] = "QQQ"; }},
      {"model_id: is missing", [](Json& m) { m.erase("model_id"); }},
      {"simulated", [](Json& m) { m["simulated"] = "yes"; }},
      {"interval_ns", [](Json& m) { m["interval_ns"] = kMinute; }},
      {"interval_ns", [](Json& m) { m["interval"] = "5 minutes"; }},
      {"interval_ns: 18446744073709551615 is too large", [](Json& m) { m["interval_ns"] = UINT64_MAX; }},
      {"input.seq_len", [](Json& m) { m["input"]["seq_len"] = 0; }},
      {"input.seq_len", [](Json& m) { m["input"]["seq_len"] = INT64_MAX; }},
      {"first_valid_row: is larger", [](Json& m) { m["first_valid_row"] = INT64_MAX; }},
      {"input.layout", [](Json& m) { m["input"]["layout"] = "[B, F, T]"; }},
      {"input.dtype", [](Json& m) { m["input"]["dtype"] = "float64"; }},
      {"input.n_features", [](Json& m) { m["input"]["n_features"] = 4; }},
      {"output.kind", [](Json& m) { m["output"]["kind"] = "odds"; }},
      {"output.more", [](Json& m) { m["output"]["more"] = 1; }},
      {"label.horizon", [](Json& m) { m["label"]["horizon"] = 0; }},
      {"chain.spec_hash", [](Json& m) { m["chain"]["spec_hash"] = "abc"; }},
      {"chain: is missing", [](Json& m) { m.erase("chain"); }},
      {"gate.passed: is not true or false", [](Json& m) { m["gate"]["passed"] = "yes"; }},
      {"metrics.rows: 0 is smaller than 1", [](Json& m) { m["metrics"]["rows"] = 0; }},
      {"metrics.scores.majority.auc: is not a number",
       [](Json& m) { m["metrics"]["scores"]["majority"]["auc"] = "0.5"; }},
      {"clip: is not an object", [](Json& m) { m["clip"] = 5; }},
      {"clip.high: is missing", [](Json& m) { m["clip"] = {{"low", -5}}; }},
      {"clip.low: is not below high", [](Json& m) { m["clip"] = {{"low", 5}, {"high", 5}}; }},
      {"normalisation.mean", [](Json& m) { m["normalisation"]["mean"][0] = "0"; }},
      {"means", [](Json& m) { m["normalisation"]["mean"].push_back(0); }},
      {"backends[0].threads", [](Json& m) { m["backends"][0]["threads"] = 2; }},
      {"backends[0].tolerance", [](Json& m) { m["backends"][0]["tolerance"] = -1e-5; }},
      {"golden.batches", [](Json& m) { m["golden"]["batches"] = {1}; }},
      {"golden.windows", [](Json& m) { m["golden"]["windows"] = 1; }},
      {"backends[0].name", [](Json& m) { m["backends"][0]["name"] = "jit"; }},
      {"backends[0].file", [](Json& m) { m["backends"][0]["file"] = "../model.pt"; }},
      {"backends[1].name: comes twice", [](Json& m) { m["backends"].push_back(m["backends"][0]); }},
      {"backends: is empty", [](Json& m) { m["backends"] = Json::array(); }},
      {"drift: is not one for each", [](Json& m) { m["drift"].erase(0); }},
      {"drift[1].deciles: do not ascend", [](Json& m) { m["drift"][1]["max"] = 7; }},
      {"drift[1].deciles: do not ascend", [](Json& m) { m["drift"][1]["max"] = 1e39; }},
      {"drift[0].counts: do not hold a tenth", [](Json& m) { m["drift"][0]["counts"][9] = 2; }},
      {"drift[0].counts: -1 is not a count", [](Json& m) { m["drift"][0]["counts"][9] = -1; }},
      {"drift[0].deciles: and counts are 9 and 9", [](Json& m) { m["drift"][0]["counts"].erase(9); }},
      {"golden.stress", [](Json& m) { m["golden"]["stress"] = 0; }},
      {"spans.test.rows", [](Json& m) { m["spans"]["test"]["rows"] = 0; }},
      {"spans.test.rows",
       [](Json& m) { m["spans"]["test"]["rows"] = std::numeric_limits<std::int64_t>::max(); }},
      {"features[1].params.window", [](Json& m) { m["features"][1]["params"]["window"] = "5"; }},
      {"features[0]: is not an object", [](Json& m) { m["features"][0] = 1; }},
  };
  for (const auto& [words, change] : changes) {
    const VerifyReport report = verify(with_manifest(change));
    const Check& last = report.checks.back();
    if (last.name != "manifest" || last.ok || last.detail.find(words) == std::string::npos) {
      throw std::runtime_error(std::string(words) + ": " + last.name + ": " + last.detail);
    }
  }
  for (const char* text : {"", "{", "[]", "null", "{\"a\": 1, \"a\": 2}", "\xff\xfe"}) {
    Files files = make_bundle();
    files["metadata.json"] = text;
    CHECK_EQUAL(first_failure(files), "manifest");
  }
}

// The gate as the rule has it, for the metric and the figures of model and baseline.
void set_gate(Json& manifest, const std::string& metric, const Json& model, const Json& baseline,
              bool passed) {
  manifest["metrics"]["scores"] = {{"model", {{metric, model}}}, {"majority", {{metric, baseline}}}};
  const std::string than = metric == "auc" ? "above" : "below";
  manifest["gate"] = {
      {"rule", "the model's " + metric + " on the test span is " + than + " that of every baseline"},
      {"passed", passed},
      {"figures", {{"model", model}, {"majority", baseline}}}};
}

TEST(a_gate_that_the_metrics_give_is_read_whether_it_passed_or_not) {
  const std::vector<std::function<void(Json&)>> changes = {
      [](Json& m) { set_gate(m, "auc", 0.5, 0.53, false); },
      [](Json& m) { set_gate(m, "auc", 0.5, 0.5, false); },  // a tie is no more than the baseline
      [](Json& m) { set_gate(m, "auc", nullptr, 0.5, false); },
      [](Json& m) { set_gate(m, "auc", 0.5, nullptr, false); },
      [](Json& m) { set_gate(m, "mse", 1, 1.5, true); },
      [](Json& m) { set_gate(m, "mse", 1.5, 1.25, false); },
      [](Json& m) { set_gate(m, "log_loss", 0.5, 0.75, true); },
      [](Json& m) {  // another metric beside the one that decides
        set_gate(m, "mse", 1.0, 1.5, true);
        m["metrics"]["scores"]["model"]["log_loss"] = 9;
      },
      [](Json& m) {  // the baseline was not scored by the one that decides
        set_gate(m, "auc", 0.53, nullptr, false);
        m["metrics"]["scores"]["majority"] = {{"ic", 0.1}};
      },
      [](Json& m) {  // there is nothing that it beats
        set_gate(m, "auc", 0.53, 0.5, false);
        m["metrics"]["scores"].erase("majority");
        m["gate"]["figures"].erase("majority");
      },
  };
  for (const auto& change : changes) CHECK(verify(with_manifest(change)).ok());
}

TEST(a_gate_that_contradicts_its_metrics_is_refused) {
  const std::vector<std::pair<const char*, std::function<void(Json&)>>> changes = {
      {"gate: is not what its metrics say: passed", [](Json& m) { m["gate"]["passed"] = false; }},
      {"gate: is not what its metrics say: not passed", [](Json& m) { set_gate(m, "auc", 0.5, 0.53, true); }},
      {"gate: is not what", [](Json& m) { set_gate(m, "mse", 1.5, 1.25, true); }},
      {"gate: is not what", [](Json& m) { set_gate(m, "auc", 0.5, 0.5, true); }},
      {"gate: is not what", [](Json& m) { m["metrics"]["scores"]["model"]["auc"] = 0.49; }},
      {"gate: is not what", [](Json& m) { m["metrics"]["scores"]["ridge"] = {{"auc", 0.6}}; }},
      {"gate: is not what", [](Json& m) { m["gate"]["figures"]["majority"] = 0.4; }},
      {"gate: is not what", [](Json& m) { m["gate"]["figures"].erase("majority"); }},
      {"gate: is not what", [](Json& m) { m["gate"]["rule"] = "it looks good"; }},
      {"metrics.scores: hold none of 'model'", [](Json& m) { m["metrics"]["scores"].erase("model"); }},
      {"metrics.scores.model: has no score that decides",
       [](Json& m) { m["metrics"]["scores"]["model"] = {{"ic", 0.1}}; }},
  };
  for (const auto& [words, change] : changes) {
    const Check last = verify(with_manifest(change)).checks.back();
    if (last.name != "manifest" || last.ok || last.detail.find(words) == std::string::npos) {
      throw std::runtime_error(std::string(words) + ": " + last.name + ": " + last.detail);
    }
  }
}

TEST(another_spec_is_refused) {
  const auto with_spec = [](const std::string& from, const std::string& to) {
    Files files = make_bundle();
    std::string& spec = files["feature_spec.json"];
    spec.replace(spec.find(from), from.size(), to);
    return files;
  };
  CHECK_EQUAL(first_failure(with_spec("5", "6")), "spec hash");
  CHECK_EQUAL(first_failure(with_spec("EMA", "EMMA")), "spec hash");
  CHECK_EQUAL(first_failure(with_spec("\"1.0\"", "\"1.0\", \"dtype\": \"float64\"")), "spec hash");
  CHECK_EQUAL(first_failure(with_spec("\"ret\"", "\"return\"")), "spec hash");
}

TEST(features_that_the_manifest_tells_otherwise_are_refused) {
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { std::swap(m["features"][0], m["features"][2]); })),
              "features");
  CHECK_EQUAL(first_failure(with_manifest(
                  [](Json& m) { std::swap(m["features"][0]["name"], m["features"][1]["name"]); })),
              "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["features"][1]["params"]["window"] = 6; })),
              "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["features"][1]["op_version"] = 2; })), "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["features"][1]["source"] = {"open"}; })),
              "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["warmup"] = 3; })), "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["settle"] = nullptr; })), "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["session_gap_ns"] = 1; })), "features");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["allow_early_emit"] = true; })), "features");
}

TEST(goldens_that_were_changed_and_sealed_again_are_refused) {
  CHECK_EQUAL(first_failure(with_bit("golden/features.npy", 4)), "golden features, batch");
  CHECK_EQUAL(first_failure(with_bit("golden/warm_features.npy", 4)), "golden features, warm start");
  CHECK_EQUAL(first_failure(with_bit("golden/before.state", 40)), "golden features, warm start");
  CHECK_EQUAL(first_failure(with_bit("golden/bars.npy", 12)),
              "golden features, batch");  // the last close, by a millionth
  CHECK_EQUAL(first_failure(with_bit("golden/outputs_1.npy", 4)), "torchscript: golden outputs, batch 1");
  CHECK_EQUAL(first_failure(with_bit("golden/outputs_7.npy", 4)), "torchscript: golden outputs, batch 7");
  CHECK_EQUAL(first_failure(with_bit("golden/outputs_256.npy", 4)), "torchscript: golden outputs, batch 256");
  CHECK_EQUAL(first_failure(with_bit("golden/rows.npy", 8)), "golden files");
  CHECK_EQUAL(first_failure(with_bit("engine.state", 40)), "engine state");
}

TEST(a_cold_start_that_is_told_to_settle_too_early_is_refused) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  const SealedFolder files = SealedFolder::read(folder.path());
  ManifestDocument document = parse_manifest(files.text("metadata.json"));
  const auto plan = Plan::compile(files.text("feature_spec.json"));
  const Golden golden(files, document);
  const std::int64_t settle = *document.settle;
  CHECK(!golden.cold_start_obstacle(plan));
  CHECK_EQUAL(golden.compare_cold_start(*plan), std::to_string(420 - settle) + " bars from row " +
                                                    std::to_string(settle) +
                                                    " on, within one unit in the last place of the long run");
  document.settle = 10;  // (2/3)^10 of the prices' difference is left of an EMA of 5
  CHECK_THROWS(bad_bundle, "golden row 10, feature 'ema'", (void)golden.compare_cold_start(*plan));
  document.settle = 420;
  CHECK_EQUAL(golden.cold_start_obstacle(plan).value_or(""), "settle is 420, there are 420 golden bars");
  document.settle.reset();
  CHECK_EQUAL(golden.cold_start_obstacle(plan).value_or("").substr(0, 15), "settle is null:");
}

TEST(a_copy_of_the_scaler_that_the_weights_do_not_hold_is_refused) {
  const BundleOptions native{.native = true};
  for (const auto& [key, tensor] :
       {std::pair("mean", "scaler.mean"), {"inv_std", "scaler.inverse_deviation"}}) {
    const auto change = [key = key](Json& m) { m["normalisation"][key][2] = 0.25; };
    for (const Check& check : verify(with_manifest(change, native)).checks) {
      const bool fails = !check.ok && !check.left_out;
      CHECK_EQUAL(fails, check.name == "native: normalisation");
      if (fails) CHECK(check.detail.find(tensor) != std::string::npos);
    }
  }
}

TEST(golden_outputs_that_are_no_numbers_are_refused) {
  Files files = make_bundle();
  std::string& bytes = files["golden/outputs_7.npy"];
  bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\xC0\x7F", 4));
  CHECK_EQUAL(first_failure(files), "golden files");
}

TEST(golden_outputs_outside_of_0_to_1_are_no_probabilities) {
  const auto call_it = [](Json& m) { m["output"]["kind"] = "probability"; };
  CHECK_EQUAL(first_failure(with_manifest(call_it)), "golden files");
  CHECK_EQUAL(first_failure(make_bundle({.kind = "probability"}), sum_model(true, "probability")), "none");
}

TEST(a_bundle_of_classes_loads_and_its_goldens_tell_them_apart) {
  const LoadOptions classes = sum_model(true, "classes");
  const Files files = make_bundle({.seq_len = 8, .kind = "classes"});
  CHECK_EQUAL(first_failure(files, classes), "none");
  class Swapped final : public Model {
   public:
    explicit Swapped(const ModelShape& shape) : sum_(shape, true, "classes") {}
    void run(std::span<const float> windows, std::span<float> outputs) const override {
      sum_.run(windows, outputs);
      for (std::size_t k = 0; k < outputs.size(); k += 3) std::swap(outputs[k], outputs[k + 2]);
    }
    std::vector<Probe> probe() const override { return sum_.probe(); }
    ModelEnvironment environment() const override { return sum_.environment(); }

   private:
    SumModel sum_;
  };
  const LoadOptions swapped{.model_loader = [](std::span<const std::byte>, const ModelShape& shape) {
    return std::make_unique<const Swapped>(shape);
  }};
  const VerifyReport report = verify(files, swapped);
  int failed = 0;
  for (const Check& check : report.checks) {
    if (check.ok) continue;
    CHECK(check.name.starts_with("torchscript: golden outputs"));
    CHECK(check.detail.starts_with("window 0, output 0: "));
    ++failed;
  }
  CHECK_EQUAL(failed, 4);
}

TEST(a_manifest_of_impossible_classes_is_refused) {
  const auto refused = [](const std::string& kind, const Json& classes) {
    return with_manifest(
        [&](Json& m) {
          m["output"]["kind"] = kind;
          m["output"]["classes"] = classes;
        },
        {.kind = "classes"});
  };
  Json many = Json::array();
  for (int k = 0; k < 17; ++k) many.push_back("c" + std::to_string(k));
  const std::string fine =
      first_failure(refused("classes", {"down", "flat", "up"}), sum_model(true, "classes"));
  CHECK_EQUAL(fine, "none");
  for (const auto& [kind, classes] :
       std::vector<std::pair<std::string, Json>>{{"classes", Json::array()},
                                                 {"classes", {"down"}},
                                                 {"classes", many},
                                                 {"classes", {"down", "flat", "flat"}},
                                                 {"classes", {"down", "flat", "Up"}},
                                                 {"classes", {"down", "flat", "ts,up"}},
                                                 {"classes", {"down", "flat", ""}},
                                                 {"classes", {"down", "flat", std::string(33, 'u')}},
                                                 {"classes", {"down", "flat", 1}},
                                                 {"logit", {"down", "flat", "up"}}}) {
    CHECK_EQUAL(first_failure(refused(kind, classes)), "manifest");
  }
  // Two names for three outputs: the goldens have another shape.
  CHECK_EQUAL(first_failure(refused("classes", {"down", "up"})), "golden files");
}

TEST(a_state_that_ends_before_the_training_data_is_refused) {
  const auto rows = [](std::int64_t count) {
    return [count](Json& m) { m["spans"]["train"]["rows"] = count; };
  };
  // 500 bars, of which validation and test have 10 each and four come before the first valid row.
  CHECK_EQUAL(first_failure(with_manifest(rows(476))), "none");
  CHECK_EQUAL(first_failure(with_manifest(rows(477))), "engine state");
  CHECK_EQUAL(first_failure(with_manifest([](Json& m) { m["spans"]["test"]["last_ts"] = INT64_MAX; })),
              "engine state");
}

TEST(golden_windows_obey_the_manifest) {
  const auto seq_len = [](std::int64_t length) {
    return [length](Json& m) { m["input"]["seq_len"] = length; };
  };
  // The first window would begin before the first valid row.
  CHECK_EQUAL(first_failure(with_manifest(seq_len(2))), "golden files");
  // The stress windows are of another length.
  CHECK_EQUAL(first_failure(with_manifest(seq_len(7), {.seq_len = 8})), "golden files");
  const auto one_session = [](Json& m) { m["input"]["windows_cross_sessions"] = false; };
  CHECK_EQUAL(first_failure(with_manifest(one_session, {.seq_len = 8})), "golden files");
}

TEST(a_model_that_accepts_wrong_inputs_is_refused) {
  CHECK_EQUAL(first_failure(make_bundle(), sum_model(false)), "torchscript: wrong inputs refused");
}

TEST(outputs_may_differ_by_the_tolerance_on_another_machine_alone) {
  const auto elsewhere = [](double tolerance) {
    return with_manifest([tolerance](Json& m) {
      m["backends"][0]["torch"] = "sum 2";
      m["backends"][0]["tolerance"] = tolerance;
    });
  };
  SumModel::scale = 1.0F + 1e-6F;  // outputs are below 1
  const std::string strict = first_failure(make_bundle());
  const std::string within = first_failure(elsewhere(1e-5));
  const std::string beyond = first_failure(elsewhere(1e-9));
  SumModel::scale = 1;
  CHECK_EQUAL(strict, "torchscript: golden outputs, batch 1");
  CHECK_EQUAL(within, "none");
  CHECK_EQUAL(beyond, "torchscript: golden outputs, batch 1");
}

TEST(a_tolerance_by_which_another_model_would_pass_is_refused) {
  for (const BundleOptions& options :
       {BundleOptions{}, BundleOptions{.seq_len = 8, .kind = "return"}, BundleOptions{.kind = "probability"},
        BundleOptions{.kind = "classes"}}) {
    // The spread by hand, from the files: float32 [M, C] behind a header.
    const Files files = make_bundle(options);
    const std::size_t n_outputs = options.kind == "classes" ? 3 : 1;
    double spread = 0;
    for (std::size_t column = 0; column < n_outputs; ++column) {
      std::vector<double> values;
      for (const auto& [name, count] : {std::pair("outputs_1", 256U), {"stress_outputs", 16U}}) {
        const std::string& bytes = files.at("golden/" + std::string(name) + ".npy");
        std::vector<float> all(count * n_outputs);
        const std::size_t size = all.size() * sizeof(float);
        std::memcpy(all.data(), bytes.data() + bytes.size() - size, size);
        for (std::size_t k = column; k < all.size(); k += n_outputs) values.push_back(all[k]);
      }
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      spread = std::max(spread, *high - *low);
    }
    const auto elsewhere = [&](double tolerance) {
      return with_manifest(
          [tolerance](Json& m) {
            m["backends"][0]["torch"] = "sum 2";
            m["backends"][0]["tolerance"] = tolerance;
          },
          options);
    };
    const LoadOptions loader = sum_model(true, options.kind);
    CHECK_EQUAL(first_failure(elsewhere(0.999e-3 * spread), loader), "none");
    CHECK_EQUAL(first_failure(elsewhere(1.001e-3 * spread), loader), "golden files");
    SumModel::scale = 0.75F;
    const std::string other = first_failure(elsewhere(1e30), loader);
    SumModel::scale = 1;
    CHECK_EQUAL(other, "golden files");
  }
}

TEST(a_backend_that_this_build_lacks_is_named) {
  const TemporaryFolder folder;
  seal(folder.path(), with_manifest(
                          [](Json& m) {
                            m["backends"] = {{{"name", "onnx"},
                                              {"file", "model.onnx"},
                                              {"opset", 18},
                                              {"threads", 1},
                                              {"tolerance", 1e-5}}};
                          },
                          {}, "model.onnx"));
  CHECK_THROWS(unsupported, "holds the backends onnx; this build runs native",
               (void)Bundle::load(folder.path()));
  CHECK_THROWS(unsupported, "holds the backends onnx; this build runs native",
               (void)verify_bundle(folder.path()));
}

// A model is code: it is loaded where everything that can be known without it has passed.
TEST(no_model_is_loaded_of_a_bundle_that_is_refused_without_it) {
  int loaded = 0;
  LoadOptions options = sum_model();
  options.model_loader = [&loaded, load = options.model_loader](auto bytes, const ModelShape& shape) {
    ++loaded;
    return load(bytes, shape);
  };
  const auto refuses = [&](const Files& files, const std::string& words) {
    const TemporaryFolder folder;
    seal(folder.path(), files);
    CHECK_THROWS(bad_bundle, words, (void)Bundle::load(folder.path(), options));
    CHECK_EQUAL(loaded, 0);
  };
  refuses(with_bit("engine.state", 40), "engine state: ");
  refuses(with_bit("golden/rows.npy", 8), "golden files: ");
  refuses(with_bit("golden/features.npy", 4), "golden features, batch: ");
  refuses(with_bit("golden/warm_features.npy", 4), "golden features, warm start: ");
  Files extra = make_bundle();
  extra["more.txt"] = "";
  refuses(extra, "files: ");
  (void)verify(with_bit("engine.state", 40), options);  // which tells all
  CHECK_EQUAL(loaded, 1);
  extra["metadata.json"] = "{}";
  (void)verify(extra, options);
  CHECK_EQUAL(loaded, 1);
}

TEST(loading_ends_at_the_first_check_that_fails) {
  int asked = 0;
  class Counting final : public Model {
   public:
    Counting(const ModelShape& shape, int& asked) : sum_(shape), asked_(asked) {}
    void run(std::span<const float> windows, std::span<float> outputs) const override {
      ++asked_;
      sum_.run(windows, outputs);
    }
    std::vector<Probe> probe() const override { return sum_.probe(); }
    ModelEnvironment environment() const override { return sum_.environment(); }

   private:
    SumModel sum_;
    int& asked_;
  };
  const TemporaryFolder folder;
  seal(folder.path(), with_bit("golden/outputs_1.npy", 4));
  const LoadOptions options{.model_loader = [&](std::span<const std::byte>, const ModelShape& shape) {
    return std::make_unique<const Counting>(shape, asked);
  }};
  try {
    (void)Bundle::load(folder.path(), options);
    CHECK(false);
  } catch (const Error& error) {
    CHECK_EQUAL(error.problems().size(), 1u);
    CHECK_EQUAL(error.problems()[0].path, "torchscript: golden outputs, batch 1");
  }
  CHECK_EQUAL(asked, 256);  // of a batch of 1, and of no other
}

TEST(a_refused_bundle_says_which_check_failed) {
  const TemporaryFolder folder;
  seal(folder.path(), with_bit("golden/outputs_1.npy", 4));
  CHECK_THROWS(bad_bundle, "torchscript: golden outputs, batch 1: window 255",
               (void)Bundle::load(folder.path(), sum_model()));
}

}  // namespace
