// The declared scales of a plan's features: the catalog's formulas over the sizes of the series that they
// name.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "json.hpp"
#include "nanoseconds.hpp"
#include "sentio/catalog.hpp"
#include "sentio/engine.hpp"
#include "sentio/plan.hpp"

namespace sentio {
namespace {

// The product of numbers and of series, some to a power, that an op's scale is: "source^2", "close * volume".
struct Formula {
  double factor = 1;
  std::vector<std::string> series;  // one that is squared comes twice

  Formula(std::string_view text, const std::vector<std::string>& sources) {
    constexpr std::string_view kTimes = " * ";
    while (!text.empty()) {
      const std::string_view term = text.substr(0, text.find(kTimes));
      text.remove_prefix(std::min(text.size(), term.size() + kTimes.size()));
      if (term.front() >= '0' && term.front() <= '9') {
        factor *= std::stod(std::string(term));
        continue;
      }
      const std::size_t power = term.find('^');
      const std::string_view name = term.substr(0, power);
      const std::size_t times = power == term.npos ? 1 : std::stoul(std::string(term.substr(power + 1)));
      const bool own = name == "source" || name == "source2";
      series.insert(series.end(), times, own ? sources.at(name == "source" ? 0 : 1) : std::string(name));
    }
  }
};

// The same features, hidden ones too, and the bars' series of these names, from the first row on.
std::shared_ptr<const Plan> with_series(const Plan& plan, std::set<std::string> series) {
  Json document = Json::parse(plan.canonical_json());
  Json& features = document["features"];
  for (Json& feature : features) {
    // A feature goes before a series of its name, whose values are the same.
    series.erase(feature["name"].get<std::string>());
    if (feature["source"].empty()) feature.erase("source");
    feature.erase("version");
    feature.erase("hidden");
  }
  for (const std::string& name : series) {
    features.push_back({{"name", name}, {"op", "IDENT"}, {"source", name}});
  }
  return Plan::compile(Json{{"schema_version", "1.0"},
                            {"dtype", "float64"},
                            {"features", std::move(features)},
                            {"alignment_policy", {{"emit_from_index", 0}, {"allow_early_emit", true}}},
                            {"session_gap", std::to_string(plan.session_gap() / kSecond) + "s"}}
                           .dump());
}

}  // namespace

std::vector<double> error_scales(const Plan& plan, const BarColumns& bars) {
  std::vector<Formula> formulas;
  std::set<std::string> names;
  for (const FeatureInfo& feature : plan.features()) {
    const Formula& formula = formulas.emplace_back(find_op(feature.op)->scale, feature.sources);
    names.insert(formula.series.begin(), formula.series.end());
  }
  const auto every = with_series(plan, std::move(names));
  const std::size_t rows = bars.size(), width = plan.width(), columns = every->width();
  std::map<std::string, std::size_t> column_of;
  for (std::size_t c = 0; c < columns; ++c) column_of.emplace(every->features()[c].name, c);
  std::vector<double> sizes(rows * columns);
  Engine(every).compute(bars, sizes);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double magnitude = std::isnan(sizes[i]) ? 0.0 : std::fabs(sizes[i]);
    sizes[i] = i < columns ? magnitude : std::max(magnitude, sizes[i - columns]);
  }
  std::vector<double> scales(rows * width);
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t row = 0; row < rows; ++row) {
      double& scale = scales[row * width + k] = formulas[k].factor;
      for (const std::string& name : formulas[k].series) {
        scale *= sizes[row * columns + column_of.at(name)];
      }
    }
  }
  return scales;
}

}  // namespace sentio
