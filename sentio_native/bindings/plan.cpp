// Plan for Python: a spec compiled, what it says of itself, and the catalog of ops.
#include "sentio/plan.hpp"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parts.hpp"
#include "sentio/catalog.hpp"

namespace py = pybind11;

namespace {

py::object number(double value) {
  if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
    return py::int_(static_cast<std::int64_t>(value));
  }
  return py::float_(value);
}

py::list describe_choices(const std::vector<sentio::Choice>& choices) {
  py::list entries;
  for (const sentio::Choice& choice : choices) {
    py::dict entry;
    entry["value"] = number(choice.value);
    entry["name"] = std::string(choice.name);
    entry["warmup"] = std::string(choice.warmup);
    entry["refused"] = std::string(choice.refused);
    entries.append(entry);
  }
  return entries;
}

py::dict describe_op(const sentio::OpInfo& op) {
  py::list params;
  for (const sentio::ParamInfo& param : op.params) {
    py::dict entry;
    entry["name"] = std::string(param.name);
    entry["type"] = param.type == sentio::ParamType::integer ? "integer" : "number";
    entry["min"] = number(param.min);
    entry["max"] = number(param.max);
    entry["default"] = param.default_value ? number(*param.default_value) : py::none();
    entry["summary"] = std::string(param.summary);
    entry["choices"] = describe_choices(param.choices);
    params.append(entry);
  }
  const auto texts = [](const std::vector<std::string_view>& views) {
    return std::vector<std::string>(views.begin(), views.end());
  };
  py::dict entry;
  entry["name"] = std::string(op.name);
  entry["version"] = op.version;
  entry["summary"] = std::string(op.summary);
  entry["definition"] = std::string(op.definition);
  entry["sources"] = texts(op.sources);
  entry["columns"] = texts(op.columns);
  entry["params"] = params;
  entry["warmup"] = std::string(op.warmup);
  entry["memory"] = std::string(sentio::describe(op.memory));
  entry["settles"] = std::string(sentio::settles(op.memory));
  entry["neutral"] = std::string(op.neutral);
  entry["scale"] = std::string(op.scale);
  entry["unit"] = std::string(op.unit);
  entry["homogeneous"] = op.homogeneous;
  entry["talib"] = std::string(op.talib);
  return entry;
}

py::dict describe_feature(const sentio::FeatureInfo& feature) {
  py::dict params;
  for (const auto& [name, value] : feature.params) params[py::str(name)] = number(value);
  py::dict entry;
  entry["name"] = feature.name;
  entry["op"] = feature.op;
  entry["op_version"] = feature.op_version;
  entry["source"] = feature.sources;
  entry["params"] = params;
  entry["warmup"] = feature.warmup;
  entry["settle"] = feature.settle;
  return entry;
}

py::dict describe_node(const sentio::NodeInfo& node) {
  py::list params, inputs;
  for (const double value : node.params) params.append(number(value));
  for (const sentio::NodeRef& input : node.inputs) inputs.append(py::make_tuple(input.node, input.output));
  py::dict entry;
  entry["kernel"] = node.kernel;
  entry["is_column"] = node.is_column;
  entry["params"] = params;
  entry["inputs"] = inputs;
  entry["outputs"] = node.outputs;
  entry["names"] = node.names;
  entry["start"] = node.start;
  entry["valid"] = node.valid;
  entry["settle"] = node.settle;
  entry["reads_sessions"] = node.reads_sessions;
  entry["history"] = node.history;
  return entry;
}

}  // namespace

void bind_plan(py::module_& module) {
  py::class_<sentio::Plan, std::shared_ptr<sentio::Plan>>(module, "Plan")
      .def_property_readonly("features",
                             [](const sentio::Plan& plan) {
                               py::list features;
                               for (const auto& feature : plan.features())
                                 features.append(describe_feature(feature));
                               return features;
                             })
      .def_property_readonly("warmup", &sentio::Plan::warmup)
      .def_property_readonly("settle", &sentio::Plan::settle)
      .def_property_readonly("reads_sessions", &sentio::Plan::reads_sessions)
      .def_property_readonly("emit_from", &sentio::Plan::emit_from)
      .def_property_readonly("first_valid_row", &sentio::Plan::first_valid_row)
      .def_property_readonly("pad_value", &sentio::Plan::pad_value)
      .def_property_readonly("dtype",
                             [](const sentio::Plan& plan) {
                               return plan.dtype() == sentio::Dtype::float32 ? "float32" : "float64";
                             })
      .def_property_readonly("session_gap", &sentio::Plan::session_gap)
      .def_property_readonly("allow_early_emit", &sentio::Plan::allow_early_emit)
      .def_property_readonly("canonical_json", &sentio::Plan::canonical_json)
      .def_property_readonly("hash", &sentio::Plan::hash_hex)
      .def_property_readonly("node_count", &sentio::Plan::node_count)
      .def_property_readonly("nodes",
                             [](const sentio::Plan& plan) {
                               py::list nodes;
                               for (const auto& node : plan.nodes()) nodes.append(describe_node(node));
                               return nodes;
                             })
      .def_property_readonly("emitted", [](const sentio::Plan& plan) {
        std::vector<std::pair<int, int>> columns;
        for (const auto& ref : plan.emitted()) columns.emplace_back(ref.node, ref.output);
        return columns;
      });

  module.def(
      "compile",
      [](const std::string& spec) {
        return std::const_pointer_cast<sentio::Plan>(sentio::Plan::compile(spec));
      },
      py::arg("spec_json"));
  module.def("catalog", [] {
    py::list ops;
    for (const sentio::OpInfo& op : sentio::catalog()) ops.append(describe_op(op));
    return ops;
  });
}
