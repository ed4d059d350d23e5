// From a spec document to a plan: every problem is found and named before anything is refused.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "fp_environment.hpp"
#include "graph.hpp"
#include "json.hpp"
#include "nanoseconds.hpp"
#include "sentio/catalog.hpp"
#include "sentio/plan.hpp"
#include "sha256.hpp"
#include "text.hpp"

namespace sentio {
namespace {

constexpr std::int64_t kDefaultSessionGap = 4 * kHour;
constexpr std::size_t kMaxNameLength = 64;
// In the order of BaseColumn.
constexpr std::array<const char*, kBaseColumns> kBaseColumnNames = {"open",  "high",   "low",
                                                                    "close", "volume", "gap"};

// The predecessor computed these from bars and called them order-book figures.
const std::map<std::string, std::string, std::less<>>& dishonest_ops() {
  static const std::map<std::string, std::string, std::less<>> ops = {
      {"SPREAD_BP", "bars hold no quotes; use RELATIVE_RANGE, a bar's range over its close"},
      {"PRICE_IMPACT", "bars hold no trades; use AMIHUD, Amihud's illiquidity"},
      {"ORDER_FLOW", "bars hold no signed trades; use SIGNED_VOLUME, close location times volume"},
      {"MARKET_DEPTH", "needs an order book, which bars do not hold"},
      {"BID_ASK_RATIO", "needs quotes, which bars do not hold"},
  };
  return ops;
}

const std::set<std::string>& builtin_names() {
  static const std::set<std::string> names = {"open", "high", "low",   "close", "volume",
                                              "hl2",  "hlc3", "ohlc4", "logret"};
  return names;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameLength || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// "4h", "30m", "1d", "90s" in nanoseconds.
std::optional<std::int64_t> parse_duration(const std::string& text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t count = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    count = 10 * count + (text[i] - '0');
  }
  const std::map<char, std::int64_t> units = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
  const auto unit = units.find(text.back());
  if (unit == units.end() || count == 0 || count * unit->second > 366 * 86400LL) return std::nullopt;
  return count * unit->second * kSecond;
}

std::string bounds(const ParamInfo& param) {
  return "[" + canonical_number(param.min) + ", " + canonical_number(param.max) + "]";
}

const Choice* refused_choice(const ParamInfo& param, double value) {
  const auto found = std::find_if(param.choices.begin(), param.choices.end(), [value](const Choice& c) {
    return c.value == value && !c.refused.empty();
  });
  return found != param.choices.end() ? &*found : nullptr;
}

}  // namespace

class Compiler {
 public:
  explicit Compiler(const Json& document) : document_(document) {}

  std::shared_ptr<const Plan> run() {
    if (!document_.is_object()) throw Error(ErrorCode::bad_spec, "the spec is not a JSON object");
    read_header();
    GraphBuilder graph(static_cast<double>(plan_->session_gap_) / static_cast<double>(kSecond));
    read_features(graph);
    read_alignment();
    if (!problems_.empty()) {
      const std::string count =
          problems_.size() == 1 ? "1 problem" : std::to_string(problems_.size()) + " problems";
      throw Error(ErrorCode::bad_spec, "the spec does not compile, " + count, std::move(problems_));
    }
    write_canonical();
    plan_->graph_ = std::make_shared<const Graph>(std::move(graph).finish(emitted_));
    return std::move(plan_);
  }

 private:
  void problem(std::string path, std::string message) {
    problems_.push_back({std::move(path), std::move(message)});
  }

  void forbid_unknown_keys(const Json& object, const std::string& path,
                           const std::vector<std::string>& allowed) {
    for (const auto& [key, value] : object.items()) {
      if (std::find(allowed.begin(), allowed.end(), key) == allowed.end()) {
        problem(path + key,
                "is not a known key" + did_you_mean(key, allowed) + " (allowed: " + join(allowed) + ")");
      }
    }
  }

  void read_header() {
    // content_hash: the predecessor wrote one into the document that it hashed; it is read over, never
    // believed.
    forbid_unknown_keys(document_, "",
                        {"schema_version", "description", "features", "alignment_policy", "dtype",
                         "session_gap", "content_hash"});
    if (document_.value("schema_version", Json()) != "1.0") {
      problem("schema_version", "must be \"1.0\"");
    }
    for (const char* key : {"description", "content_hash"}) {
      if (document_.contains(key) && !document_[key].is_string()) problem(key, "must be a text");
    }
    const Json dtype = document_.value("dtype", Json("float32"));
    if (dtype == "float64") {
      plan_->dtype_ = Dtype::float64;
    } else if (dtype != "float32") {
      problem("dtype", dtype.dump() + " is neither \"float32\" nor \"float64\"");
    }
    plan_->session_gap_ = kDefaultSessionGap;
    if (document_.contains("session_gap")) {
      const Json& gap = document_["session_gap"];
      const auto parsed = gap.is_string() ? parse_duration(gap.get<std::string>()) : std::nullopt;
      if (parsed) {
        plan_->session_gap_ = *parsed;
      } else {
        problem("session_gap", gap.dump() + " is not a time of at most a year such as \"4h\" (s, m, h or d)");
      }
    }
  }

  void read_features(GraphBuilder& graph) {
    const Json features = document_.value("features", Json());
    if (!features.is_array() || features.empty()) {
      problem("features", "must be a list of at least one feature");
      return;
    }
    std::set<std::string> names;
    for (std::size_t k = 0; k < features.size(); ++k) {
      const std::string path = "features[" + std::to_string(k) + "]";
      if (!features[k].is_object()) {
        problem(path, "must be an object with a name and an op");
        continue;
      }
      read_feature(graph, features[k], path, names);
    }
    if (plan_->features_.empty() && problems_.empty())
      problem("features", "all are hidden, so nothing is emitted");
  }

  void read_feature(GraphBuilder& graph, const Json& feature, const std::string& path,
                    std::set<std::string>& names) {
    const std::size_t problems_before = problems_.size();
    const OpInfo* op = read_op(feature, path);
    if (op == nullptr) {
      // What refers to this feature is not to be blamed for it.
      if (feature.contains("name") && feature["name"].is_string())
        broken_.insert(feature["name"].get<std::string>());
      return;
    }
    FeatureInfo info{.op = std::string(op->name), .op_version = op->version};
    info.params = read_params(feature, path, *op);
    std::vector<NodeRef> inputs = read_sources(graph, feature, path, *op, info.sources);
    info.name = read_name(feature, path, info, names);
    bool hidden = false;
    if (feature.contains("hidden")) {
      if (feature["hidden"].is_boolean()) {
        hidden = feature["hidden"].get<bool>();
      } else {
        problem(path + ".hidden", "must be true or false");
      }
    }
    if (problems_.size() > problems_before) {
      broken_.insert(info.name);
      return;
    }
    for (const std::string_view column : op->columns) inputs.push_back(*builtin_source(graph, column));
    Lowering lowering(graph, std::move(inputs), info.params);
    const NodeRef ref = op->lower(lowering);
    info.warmup = graph.node(ref).valid;
    info.settle = graph.node(ref).settle;
    columns_.emplace(info.name, ref);
    graph.name(ref, info.name);
    canonical_features_.push_back(canonical_feature(info, hidden));
    if (hidden) return;
    emitted_.push_back(ref);
    plan_->features_.push_back(std::move(info));
  }

  const OpInfo* read_op(const Json& feature, const std::string& path) {
    if (!feature.contains("op") || !feature["op"].is_string()) {
      problem(path + ".op", "is missing: the name of an op, such as \"EMA\"");
      return nullptr;
    }
    const auto name = feature["op"].get<std::string>();
    if (const OpInfo* op = find_op(name)) return op;
    if (const auto refused = dishonest_ops().find(name); refused != dishonest_ops().end()) {
      problem(path + ".op", name + " is refused: " + refused->second);
      return nullptr;
    }
    std::vector<std::string> known;
    for (const OpInfo& op : catalog()) known.emplace_back(op.name);
    problem(path + ".op", "'" + name + "' is not an op" + did_you_mean(name, known) +
                              " (all of them: docs/reference/ops.md)");
    return nullptr;
  }

  std::map<std::string, double> read_params(const Json& feature, const std::string& path, const OpInfo& op) {
    std::vector<std::string> allowed = {"name", "op", "source", "hidden"};
    std::map<std::string, double> params;
    for (const ParamInfo& param : op.params) {
      const std::string name(param.name);
      allowed.push_back(name);
      if (!feature.contains(name)) {
        if (param.default_value) {
          params[name] = *param.default_value;
        } else {
          problem(path + "." + name,
                  "is missing; " + std::string(op.name) + " needs it, within " + bounds(param));
        }
        continue;
      }
      const Json& value = feature[name];
      const double number = value.is_number() ? value.get<double>() : std::nan("");
      if (!value.is_number() || (param.type == ParamType::integer && number != std::floor(number))) {
        problem(path + "." + name,
                value.dump() + " is not a " + (param.type == ParamType::integer ? "whole number" : "number"));
      } else if (!(number >= param.min && number <= param.max)) {
        problem(path + "." + name, canonical_number(number) + " is outside " + bounds(param));
      } else if (const Choice* choice = refused_choice(param, number); choice != nullptr) {
        problem(path + "." + name, canonical_number(number) + " (" + std::string(choice->name) +
                                       ") is refused: " + std::string(choice->refused));
      } else {
        params[name] = number;
      }
    }
    for (const auto& [key, value] : feature.items()) {
      if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
      problem(path + "." + key, "is not a key of " + std::string(op.name) + did_you_mean(key, allowed) +
                                    " (allowed: " + join(allowed) + ")");
    }
    if (params.contains("fast") && params.contains("slow") && params["fast"] >= params["slow"]) {
      problem(path + ".fast", canonical_number(params["fast"]) + " is not smaller than slow, " +
                                  canonical_number(params["slow"]));
    }
    if (params.contains("min_window") && params.contains("max_window") &&
        params["min_window"] > params["max_window"]) {
      problem(path + ".min_window", canonical_number(params["min_window"]) + " is larger than max_window, " +
                                        canonical_number(params["max_window"]));
    }
    if (params.contains("low") && params.contains("high") && params["low"] > params["high"]) {
      problem(path + ".low",
              canonical_number(params["low"]) + " is larger than high, " + canonical_number(params["high"]));
    }
    return params;
  }

  std::vector<NodeRef> read_sources(GraphBuilder& graph, const Json& feature, const std::string& path,
                                    const OpInfo& op, std::vector<std::string>& sources) {
    const std::string where = path + ".source";
    if (!feature.contains("source")) {
      for (const std::string_view source : op.sources) sources.emplace_back(source);
      if (std::find(sources.begin(), sources.end(), "") != sources.end()) {
        problem(where, "is missing: " + std::string(op.name) + " takes " + std::to_string(sources.size()) +
                           ", not all of which have a default");
        return {};
      }
    } else if (op.sources.empty()) {
      problem(where, std::string(op.name) + " takes no source, it reads the bar's own columns");
      return {};
    } else {
      const Json& given = feature["source"];
      const Json list = given.is_array() ? given : Json::array({given});
      for (const Json& name : list) {
        if (!name.is_string()) {
          problem(where, name.dump() + " is not the name of a series");
          return {};
        }
        sources.push_back(name.get<std::string>());
      }
      if (sources.size() != op.sources.size()) {
        problem(where, std::string(op.name) + " takes " + std::to_string(op.sources.size()) + " of them, " +
                           std::to_string(sources.size()) + " given");
        return {};
      }
    }
    std::vector<NodeRef> inputs;
    for (const std::string& source : sources) {
      if (const auto built_in = builtin_source(graph, source)) {
        inputs.push_back(*built_in);
      } else if (const auto known = columns_.find(source); known != columns_.end()) {
        inputs.push_back(known->second);
      } else if (!broken_.contains(source)) {
        std::vector<std::string> names(builtin_names().begin(), builtin_names().end());
        for (const auto& [name, ref] : columns_) names.push_back(name);
        problem(where, "'" + source + "' is neither a series of the bars (" +
                           join({builtin_names().begin(), builtin_names().end()}) +
                           ") nor an earlier feature" + did_you_mean(source, names));
      } else {
        inputs.push_back({0, 0});  // stands in for a feature that was refused above
      }
    }
    return inputs;
  }

  // The predecessor named a nameless feature OP_source_window_k, the missing parts left empty.
  std::string read_name(const Json& feature, const std::string& path, const FeatureInfo& info,
                        std::set<std::string>& names) {
    std::string name;
    if (!feature.contains("name")) {
      const auto part = [&](const char* key) {
        return feature.contains(key) ? feature[key].dump() : std::string();
      };
      name = info.op + "_" + (feature.contains("source") ? join(info.sources) : "") + "_" + part("window") +
             "_" + part("k");
      std::replace_if(name.begin(), name.end(), [](char c) { return c == '.' || c == ',' || c == ' '; }, '_');
    } else if (!feature["name"].is_string() || !is_name(feature["name"].get<std::string>())) {
      problem(path + ".name", feature["name"].dump() + " is not a name: letters, digits and _, up to " +
                                  std::to_string(kMaxNameLength) + ", no digit first");
      return {};
    } else {
      name = feature["name"].get<std::string>();
    }
    if (!names.insert(name).second) problem(path + ".name", "'" + name + "' is taken by an earlier feature");
    const bool is_itself = (info.op == "IDENT" && info.sources == std::vector{name}) ||
                           (info.op == "LOGRET" && name == "logret" && info.params.at("window") == 1.0 &&
                            info.sources == std::vector<std::string>{"close"});
    if (builtin_names().contains(name) && !is_itself) {
      problem(path + ".name",
              "'" + name + "' already means a series of the bars, and would mean another here");
    }
    return name;
  }

  void read_alignment() {
    const Json policy = document_.value("alignment_policy", Json::object());
    if (!policy.is_object()) {
      problem("alignment_policy", "must be an object");
      return;
    }
    forbid_unknown_keys(policy, "alignment_policy.", {"emit_from_index", "pad_value", "allow_early_emit"});
    if (policy.contains("allow_early_emit")) {
      if (policy["allow_early_emit"].is_boolean()) {
        plan_->allow_early_emit_ = policy["allow_early_emit"].get<bool>();
      } else {
        problem("alignment_policy.allow_early_emit", "must be true or false");
      }
    }
    const Json pad = policy.value("pad_value", Json());
    if (pad.is_null() || pad.is_number()) {
      plan_->pad_value_ = pad.is_null() ? std::nan("") : pad.get<double>();
    } else {
      problem("alignment_policy.pad_value", pad.dump() + " is neither a number nor null");
    }

    const FeatureInfo* slowest = nullptr;
    for (const FeatureInfo& feature : plan_->features_) {
      if (slowest == nullptr || feature.warmup > slowest->warmup) slowest = &feature;
    }
    plan_->warmup_ = slowest != nullptr ? slowest->warmup : 0;
    plan_->settle_ = 0;
    for (const FeatureInfo& feature : plan_->features_) {
      plan_->settle_ = plan_->settle_ && feature.settle
                           ? std::optional(std::max(*plan_->settle_, *feature.settle))
                           : std::nullopt;
    }
    const Json emit = policy.value("emit_from_index", Json("auto"));
    const std::string where = "alignment_policy.emit_from_index";
    if (emit == "auto") {
      plan_->emit_from_ = plan_->warmup_;
    } else if (!emit.is_number_integer() || emit.get<double>() < 0 || emit.get<double>() > 1e9) {
      problem(where, emit.dump() + " is neither \"auto\" nor a whole number within [0, 1000000000]");
    } else {
      plan_->emit_from_ = emit.get<std::int64_t>();
      if (slowest != nullptr && plan_->emit_from_ < plan_->warmup_ && !plan_->allow_early_emit_) {
        problem(where, std::to_string(plan_->emit_from_) + " is too early: '" + slowest->name +
                           "' is first valid at " + std::to_string(slowest->warmup) +
                           " (use \"auto\", or state allow_early_emit: true)");
      }
    }
  }

  static Json canonical_feature(const FeatureInfo& info, bool hidden) {
    Json feature = {
        {"name", info.name}, {"op", info.op}, {"version", info.op_version}, {"source", info.sources}};
    for (const auto& [name, value] : info.params) feature[name] = value;
    if (hidden) feature["hidden"] = true;
    return feature;
  }

  void write_canonical() {
    const Json canonical = {
        {"schema_version", "1.0"},
        {"features", canonical_features_},
        {"alignment_policy",
         {{"emit_from_index", plan_->emit_from_},
          {"pad_value", plan_->pad_value_ == plan_->pad_value_ ? Json(plan_->pad_value_) : Json()},
          {"allow_early_emit", plan_->allow_early_emit_}}},
        {"dtype", plan_->dtype_ == Dtype::float32 ? "float32" : "float64"},
        {"session_gap_ns", plan_->session_gap_},
    };
    plan_->canonical_json_ = canonical_json(canonical);
    plan_->hash_ = sha256(plan_->canonical_json_);
  }

  const Json& document_;
  std::shared_ptr<Plan> plan_{new Plan()};
  std::vector<Problem> problems_;
  std::map<std::string, NodeRef> columns_;  // every feature so far, hidden ones too
  std::set<std::string> broken_;            // features that were refused
  std::vector<NodeRef> emitted_;
  Json canonical_features_ = Json::array();
};

std::shared_ptr<const Plan> Plan::compile(std::string_view spec_json) {
  const FloatingPointMode mode;  // nodes hold quotients of their parameters, such as 1 / window
  const Json document = parse_json(spec_json, "the spec", ErrorCode::bad_spec);
  return Compiler(document).run();
}

std::string Plan::hash_hex() const {
  return to_hex(hash_);
}

bool Plan::reads_sessions() const noexcept {
  return std::any_of(graph_->emitted.begin(), graph_->emitted.end(), [this](const NodeRef& ref) {
    return graph_->nodes[static_cast<std::size_t>(ref.node)].reads_sessions;
  });
}

std::size_t Plan::node_count() const noexcept {
  return graph_->nodes.size();
}

std::vector<NodeInfo> Plan::nodes() const {
  std::vector<NodeInfo> nodes;
  for (const Node& node : graph_->nodes) {
    const std::size_t place = nodes.size();
    const bool is_column = place < kBaseColumns;
    std::vector<double> params = node.key.params;
    // The key of what remembers nothing ends with how far it looks back: zeros tell a reader nothing.
    if (node.maker.forgets && node.reach.lag.none())
      params.resize(params.size() - node.reach.lag.rows().size());
    nodes.push_back({.kernel = is_column ? kBaseColumnNames.at(place) : node.key.kernel,
                     .is_column = is_column,
                     .params = std::move(params),
                     .inputs = node.key.inputs,
                     .outputs = node.outputs,
                     .names = node.names,
                     .start = node.start,
                     .valid = node.valid,
                     .settle = node.settle,
                     .reads_sessions = node.reads_sessions,
                     .history = node.history});
  }
  return nodes;
}

const std::vector<NodeRef>& Plan::emitted() const noexcept {
  return graph_->emitted;
}

}  // namespace sentio
