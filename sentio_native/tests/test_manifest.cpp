// A manifest says what is so, by the rules, or its bundle is refused.
#include <limits>

#include "check.hpp"
#include "made_bundle.hpp"
#include "spoilt_bundle.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

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

}  // namespace
