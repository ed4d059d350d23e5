// Specs of the catalog's ops.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "sentio/catalog.hpp"
#include "sentio/plan.hpp"

namespace sentio::test {

// An op as a feature, by its defaults, or its least parameters where it has none.
inline std::string feature_of(const OpInfo& op) {
  const std::string name(op.name);
  std::string feature = R"({"name": "f_)" + name + R"(", "op": ")" + name + '"';
  for (const ParamInfo& param : op.params) {
    if (param.default_value) continue;
    feature += ", \"" + std::string(param.name) + "\": " + std::to_string(param.min);
  }
  // A series that has no default, such as an average's periods: any will do.
  if (std::find(op.sources.begin(), op.sources.end(), "") != op.sources.end()) {
    std::string names;
    for (const std::string_view source : op.sources) {
      names += (names.empty() ? "\"" : ", \"") + std::string(source.empty() ? "volume" : source) + '"';
    }
    feature += ", \"source\": [" + names + "]";
  }
  return feature + "}";
}

inline std::string spec_of(const std::vector<std::string>& features) {
  std::string list;
  for (const std::string& feature : features) list += (list.empty() ? "" : ", ") + feature;
  return R"({"schema_version": "1.0", "features": [)" + list + "]}";
}

// A plan that holds every op.
inline std::shared_ptr<const Plan> plan_of_every_op() {
  std::vector<std::string> features;
  for (const OpInfo& op : catalog()) features.push_back(feature_of(op));
  return Plan::compile(spec_of(features));
}

}  // namespace sentio::test
