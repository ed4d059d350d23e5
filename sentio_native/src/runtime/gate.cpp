// The rule of sentio/bundle/gate.py: the model beats every baseline by the metric that decides.
#include "runtime/gate.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace sentio {
namespace {

using Scores = std::map<std::string, std::optional<double>>;  // metric to value; none where it has no value

struct Rule {
  const char* metric;
  bool more_is_better;
};

// The first that the model was scored by decides.
constexpr auto kRules = std::to_array<Rule>({{"auc", true}, {"mse", false}, {"log_loss", false}});

struct Gate {
  std::string rule;
  bool passed = false;
  Scores figures;  // of each predictor

  bool operator==(const Gate&) const = default;
};

Gate judge(const std::map<std::string, Scores>& predictors, const Rule& rule) {
  const auto figure = [&](const Scores& scores) {
    const auto found = scores.find(rule.metric);
    return found == scores.end() ? std::nullopt : found->second;
  };
  Gate gate{.rule = std::string("the model's ") + rule.metric + " on the test span is " +
                    (rule.more_is_better ? "above" : "below") + " that of every baseline",
            .passed = predictors.size() > 1};
  const auto own = figure(predictors.at("model"));
  for (const auto& [name, scores] : predictors) {
    const auto other = gate.figures[name] = figure(scores);
    const bool beaten = own && other && (rule.more_is_better ? *own > *other : *own < *other);
    if (name != "model" && !beaten) gate.passed = false;
  }
  return gate;
}

}  // namespace

void read_gate(JsonFields& manifest) {
  JsonFields metrics = manifest.object("metrics");
  if (metrics.integer("rows", 1) > kMostSamples) {
    metrics.problem("rows", "is larger than " + std::to_string(kMostSamples));
  }
  metrics.number_or_null("auc_standard_error");
  JsonFields scores = metrics.object("scores");
  std::map<std::string, Scores> predictors;
  for (const std::string& name : scores.keys())
    predictors[name] = scores.object(name.c_str()).all_numbers_or_null();
  metrics.finish();
  JsonFields gate = manifest.object("gate");
  const Gate told{gate.text("rule"), gate.truth("passed"), gate.object("figures").all_numbers_or_null()};
  gate.finish();

  const auto model = predictors.find("model");
  if (model == predictors.end()) {
    metrics.problem("scores", "hold none of 'model'");
    return;
  }
  const auto rule = std::find_if(kRules.begin(), kRules.end(),
                                 [&](const Rule& known) { return model->second.contains(known.metric); });
  if (rule == kRules.end()) {
    scores.problem("model", "has no score that decides: auc, mse or log_loss");
    return;
  }
  const Gate judged = judge(predictors, *rule);
  if (told == judged) return;
  manifest.problem("gate", std::string("is not what its metrics say: ") +
                               (judged.passed ? "passed" : "not passed") + ", by the rule that " +
                               judged.rule);
}

}  // namespace sentio
