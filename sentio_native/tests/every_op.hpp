// A plan that holds every op.
#pragma once

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
    features += "}";
  }
  return Plan::compile(R"({"schema_version": "1.0", "features": [)" + features + "]}");
}

}  // namespace sentio::test
