// A compiled feature spec: what the engine runs, and everything that others ask of a spec.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sentio/bar.hpp"
#include "sentio/export.hpp"
#include "sentio/op.hpp"

namespace sentio {

struct Graph;  // the nodes; internal to the engine

enum class Dtype : std::uint8_t { float32, float64 };

// One emitted feature, defaults written out.
struct FeatureInfo {
  std::string name;
  std::string op;
  int op_version = 1;
  std::vector<std::string> sources;
  std::map<std::string, double> params;
  std::int64_t warmup = 0;             // rows before its first valid one
  std::optional<std::int64_t> settle;  // bars after which a cold start agrees; none: never
};

// One step of a plan: a kernel, what it reads, and how far back it looks.
struct NodeInfo {
  std::string kernel;      // or the column's name
  bool is_column = false;  // of the bars themselves
  std::vector<double> params;
  std::vector<NodeRef> inputs;
  int outputs = 1;
  std::vector<std::pair<int, std::string>> names;  // of the features, hidden ones too, that an output is
  std::int64_t start = 0;                          // first row that it runs
  std::int64_t valid = 0;                          // first row that counts
  std::optional<std::int64_t> settle;  // bars after which a cold start agrees, inputs' included; none: never
  bool reads_sessions = false;         // then `settle` counts from a session's start that the cold start saw
  std::int64_t history = 0;            // rows of it that are kept for its readers
};

// Immutable and shared: any number of engines, in any thread, may run one plan.
class SENTIO_API Plan {
 public:
  // Compile a spec document (JSON text).
  // Throws Error(bad_spec) with every problem and its path, e.g. `features[3].window: 1 is outside [2,
  // 100000]`.
  [[nodiscard]] static std::shared_ptr<const Plan> compile(std::string_view spec_json);

  [[nodiscard]] const std::vector<FeatureInfo>& features() const noexcept { return features_; }
  [[nodiscard]] std::size_t width() const noexcept { return features_.size(); }
  // Rows before the first one in which every feature is valid.
  [[nodiscard]] std::int64_t warmup() const noexcept { return warmup_; }
  // Bars of history after which a cold start agrees with the long run; none where a feature has none.
  [[nodiscard]] std::optional<std::int64_t> settle() const noexcept { return settle_; }
  // Whether a feature depends on where sessions start, which a cold engine knows from the first start on that
  // it sees; its `settle` counts from there.
  [[nodiscard]] bool reads_sessions() const noexcept;
  // Rows before this hold `pad_value`.
  [[nodiscard]] std::int64_t emit_from() const noexcept { return emit_from_; }
  // The first row that is emitted and in which every feature is valid.
  [[nodiscard]] std::int64_t first_valid_row() const noexcept { return std::max(warmup_, emit_from_); }
  [[nodiscard]] double pad_value() const noexcept { return pad_value_; }
  [[nodiscard]] Dtype dtype() const noexcept { return dtype_; }
  [[nodiscard]] std::int64_t session_gap() const noexcept { return session_gap_; }  // nanoseconds
  [[nodiscard]] bool allow_early_emit() const noexcept { return allow_early_emit_; }
  // The compiled spec as canonical JSON (RFC 8785), and the SHA-256 of it: the identity of a spec.
  [[nodiscard]] const std::string& canonical_json() const noexcept { return canonical_json_; }
  [[nodiscard]] const std::array<std::uint8_t, 32>& hash() const noexcept { return hash_; }
  [[nodiscard]] std::string hash_hex() const;
  [[nodiscard]] const Graph& graph() const noexcept { return *graph_; }
  [[nodiscard]] std::size_t node_count() const noexcept;
  // The graph for readers: every node after those that it reads, the bars' own columns first.
  [[nodiscard]] std::vector<NodeInfo> nodes() const;
  // The node and its output that hold each feature, in the order of `features`.
  [[nodiscard]] const std::vector<NodeRef>& emitted() const noexcept;

 private:
  friend class Compiler;
  Plan() = default;

  std::vector<FeatureInfo> features_;
  std::int64_t warmup_ = 0;
  std::optional<std::int64_t> settle_;
  std::int64_t emit_from_ = 0;
  double pad_value_ = 0;
  Dtype dtype_ = Dtype::float32;
  std::int64_t session_gap_ = 0;
  bool allow_early_emit_ = false;
  std::string canonical_json_;
  std::array<std::uint8_t, 32> hash_{};
  std::shared_ptr<const Graph> graph_;
};

// What an error of each emitted feature is compared with at each bar: its op's declared scale, in which a
// series stands for its largest magnitude so far. [bars.size(), width] row-major. Throws Error(bad_bars).
[[nodiscard]] SENTIO_API std::vector<double> error_scales(const Plan& plan, const BarColumns& bars);

}  // namespace sentio
