// A plan that holds every op.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "sentio/catalog.hpp"
#include "sentio/plan.hpp"

namespace sentio::test {

// Every op of the catalog, by its defaults, or its least parameters where it has none.
inline std::shared_ptr<const Plan> plan_of_every_op() {
  std::string features;
  for (const OpInfo& op : catalog()) {
    features += (features.empty() ? "" : ", ") + (R"({"name": "f_)" + std::string(op.name)) +
                R"(", "op": ")" + std::string(op.name) + '"';
    for (const ParamInfo& param : op.params) {
      if (param.default_value) continue;
      features +=
          ", \"" + std::string(param.name) + "\": " + std::to_string(static_cast<std::int64_t>(param.min));
    }
    // A series that has no default, such as an average's periods: any will do.
    if (std::find(op.sources.begin(), op.sources.end(), "") != op.sources.end()) {
      std::string names;
      for (const std::string_view source : op.sources) {
        names += (names.empty() ? "\"" : ", \"") + std::string(source.empty() ? "volume" : source) + '"';
      }
      features += ", \"source\": [" + names + "]";
    }
    features += "}";
  }
  return Plan::compile(R"({"schema_version": "1.0", "features": [)" + features + "]}");
}

}  // namespace sentio::test
