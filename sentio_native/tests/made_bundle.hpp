// Bundles for the tests, made without Python and LibTorch: the model is a sum that any reader can check by
// hand.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "json.hpp"
#include "made_bars.hpp"
#include "sentio/bundle.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sha256.hpp"

namespace sentio::test {

// The output is the window's first value minus half its last; the sigmoid of that where the bundle is of kind
// "probability"; where it is of "classes", that negated for down, 0.05 for flat, and itself for up. Refuses
// what it must, unless told otherwise.
class SumModel final : public Model {
 public:
  explicit SumModel(const ModelShape& shape, bool strict = true, std::string kind = "logit")
      : shape_(shape), strict_(strict), kind_(std::move(kind)) {}

  static float output(std::span<const float> window) { return window.front() - 0.5F * window.back(); }
  static void answer(std::span<const float> window, std::string_view kind, std::span<float> to) {
    const float sum = output(window);
    to[0] = kind == "probability" ? static_cast<float>(1.0 / (1.0 + std::exp(-double{sum}))) : sum;
    if (kind != "classes") return;
    to[0] = 0.0F - sum;  // as a network has it: not -0 where the sum is 0
    to[1] = 0.05F;
    to[2] = sum;
  }

  void run(std::span<const float> windows, std::span<float> outputs) const override {
    if (failing) throw Error(ErrorCode::bad_bundle, "told to fail");
    const std::size_t size = shape_.window.size(), width = shape_.n_outputs;
    for (std::size_t k = 0; k < outputs.size() / width; ++k) {
      answer(windows.subspan(k * size, size), kind_, outputs.subspan(k * width, width));
    }
    for (float& value : outputs) value *= scale;
  }
  std::vector<Probe> probe() const override { return {{"T + 1", true}, {"F of 1", strict_}}; }
  ModelEnvironment environment() const override { return {"sum 1", "any"}; }
  bool is_batch_exact() const noexcept override { return true; }

  inline static thread_local bool failing = false;
  inline static thread_local float scale = 1;

 private:
  ModelShape shape_;
  bool strict_;
  std::string kind_;
};

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sentio-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

using Files = std::map<std::string, std::string>;  // name to bytes

// Writes the files and their SHA256SUMS.
inline void seal(const std::filesystem::path& folder, const Files& files) {
  std::string sums;
  for (const auto& [name, bytes] : files) {
    write_file(folder / name, bytes);
    sums += to_hex(sha256(bytes)) + "  " + name + "\n";
  }
  write_file(folder / "SHA256SUMS", sums);
}

template <class T>
std::string npy(std::string_view description, std::string_view shape, const std::vector<T>& values) {
  std::string header = "{'descr': '" + std::string(description) +
                       "', 'fortran_order': False, 'shape': " + std::string(shape) + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  file += header;
  return file.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

struct BundleOptions {
  std::int64_t seq_len = 1;
  bool windows_cross_sessions = true;
  std::string kind = "logit";
  bool native = false;  // holds the backend `native` too, names it first, and is run by it
};

// One tensor of a safetensors file.
struct MadeTensor {
  std::string name;
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

inline std::string safetensors(const std::vector<MadeTensor>& tensors) {
  Json header;
  std::string data;
  for (const MadeTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * sizeof(float));
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + data;
}

// The same sum as a network of one linear layer; of classes where there are three outputs.
inline std::vector<MadeTensor> sum_tensors(std::size_t width, std::size_t size, std::size_t outputs = 1) {
  std::vector<float> weights(size);
  weights.back() = -0.5F;
  weights.front() += 1;
  std::vector<float> bias = {0};
  if (outputs == 3) {
    std::vector<float> all;
    for (const float weight : weights) all.push_back(-weight);
    all.resize(2 * size);
    all.insert(all.end(), weights.begin(), weights.end());
    weights = std::move(all);
    bias = {0, 0.05F, 0};
  }
  return {{"scaler.mean", {width}, std::vector<float>(width)},
          {"scaler.inverse_deviation", {width}, std::vector<float>(width, 1.0F)},
          {"layers.0.weight", {outputs, size}, weights},
          {"layers.0.bias", {outputs}, bias},
          {"output_scale", {}, {1}},
          {"output_mean", {}, {0}}};
}

constexpr std::string_view kSpec = R"({"schema_version": "1.0", "features": [
  {"name": "ret", "op": "LOGRET", "window": 1}, {"name": "ema", "op": "EMA", "window": 5},
  {"name": "roc", "op": "ROC", "window": 3}]})";

// The first valid row and the session of each row, by their definitions.
struct WindowRule {
  std::int64_t first_valid_row;
  std::vector<int> session;

  explicit WindowRule(const BarTable& bars)
      : first_valid_row(4) {  // an EMA of 5 is valid from its fifth row on
    for (std::size_t i = 0; i < bars.size(); ++i) {
      const bool opens = i > 0 && bars.ts[i] - bars.ts[i - 1] >= 4 * 60 * kMinute;
      session.push_back(i == 0 ? 0 : session.back() + (opens ? 1 : 0));
    }
  }
  [[nodiscard]] bool ends_window(std::int64_t row, const BundleOptions& options) const {
    const std::int64_t first = row - options.seq_len + 1;
    if (first < first_valid_row) return false;
    return options.windows_cross_sessions ||
           session[static_cast<std::size_t>(first)] == session[static_cast<std::size_t>(row)];
  }
};

// Bars of the training data before the golden ones, at a price of their own, up to a night before.
inline constexpr std::size_t kBarsBefore = 80;

inline BarTable bars_before(const BarTable& golden) {
  BarTable bars = make_bars(kBarsBefore, 30, 5 * kMinute, 11);
  const std::int64_t later = golden.ts.front() - 17 * 60 * kMinute - bars.ts.back();
  for (std::int64_t& ts : bars.ts) ts += later;
  for (auto* prices : {&bars.open, &bars.high, &bars.low, &bars.close}) {
    for (double& price : *prices) price *= 1.5;
  }
  return bars;
}

// All files of a valid bundle but SHA256SUMS.
inline Files make_bundle(const BundleOptions& options = {}) {
  const auto plan = Plan::compile(kSpec);
  const BarTable bars = make_bars(420, 30);
  const std::size_t width = plan->width(), count = bars.size();
  std::vector<float> features(count * width), warm_features(count * width), forgotten(kBarsBefore * width);
  Engine(plan).compute(bars.columns(), features);
  Engine engine(plan);  // the long run
  engine.compute(bars_before(bars).columns(), forgotten);
  const auto before = engine.state();
  engine.compute(bars.columns(), warm_features);

  const WindowRule rule(bars);
  const std::size_t n_outputs = options.kind == "classes" ? 3 : 1;
  const std::string columns_of_outputs = ", " + std::to_string(n_outputs) + ")";
  std::vector<std::int64_t> rows;
  std::vector<float> outputs;
  for (std::int64_t row = 0; rows.size() < 256; ++row) {
    if (!rule.ends_window(row, options)) continue;
    rows.push_back(row);
    const auto window = static_cast<std::size_t>(options.seq_len) * width;
    outputs.resize(outputs.size() + n_outputs);
    SumModel::answer(
        std::span(features).subspan((static_cast<std::size_t>(row) + 1) * width - window, window),
        options.kind, std::span(outputs).last(n_outputs));
  }
  std::vector<double> bar_rows;
  for (std::size_t i = 0; i < count; ++i) {
    bar_rows.insert(bar_rows.end(), {bars.open[i], bars.high[i], bars.low[i], bars.close[i], bars.volume[i]});
  }

  Json columns = Json::array();
  for (const FeatureInfo& feature : plan->features()) {
    columns.push_back({{"name", feature.name},
                       {"op", feature.op},
                       {"op_version", feature.op_version},
                       {"source", feature.sources},
                       {"params", feature.params}});
  }
  const std::string hash(64, 'a');
  const Json span = {{"rows", 10}, {"first_ts", 1}, {"last_ts", 2}};
  const std::vector<double> scaler(width, 1.0);
  const auto size = static_cast<std::size_t>(options.seq_len) * width;
  std::vector<float> stress(16 * size), stress_outputs(16 * n_outputs);
  for (std::size_t k = 0; k < stress.size(); ++k) stress[k] = 0.01F * static_cast<float>(k % 97);
  for (std::size_t k = 0; k < 16; ++k) {
    SumModel::answer(std::span(stress).subspan(k * size, size), options.kind,
                     std::span(stress_outputs).subspan(k * n_outputs, n_outputs));
  }
  Json drift = Json::array(), backends = Json::array();
  for (std::size_t k = 0; k < width; ++k) {
    drift.push_back({{"min", -1},
                     {"deciles", {0, 1, 2, 3, 4, 5, 6, 7, 8}},
                     {"max", 9},
                     {"counts", {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}}});
  }
  if (options.native) {
    backends.push_back({{"name", "native"},
                        {"file", "model.safetensors"},
                        {"network", {{{"layer", "linear"}, {"inputs", size}, {"outputs", n_outputs}}}},
                        {"threads", 1},
                        {"tolerance", 1e-5}});
  }
  backends.push_back({{"name", "torchscript"},
                      {"file", "model.pt"},
                      {"scripted_by", "script"},
                      {"torch", "sum 1"},
                      {"cpu_capability", "any"},
                      {"threads", 1},
                      {"tolerance", 1e-5}});
  const Json manifest = {
      {"format_version", 1},
      {"model_id", "TFA"},
      {"version", "v1"},
      {"created_at", "2026-01-31T12:00:00Z"},
      {"created_by", "test@host"},
      {"simulated", true},
      {"symbol", "QQQ"},
      {"interval", "5m"},
      {"interval_ns", 5 * kMinute},
      {"timezone", "UTC"},
      {"adjustment", "raw"},
      {"chain",
       {{"bars_hash", hash},
        {"cache_key", hash},
        {"cache_id", hash},
        {"spec_hash", plan->hash_hex()},
        {"run", "r1"},
        {"git_commit", nullptr}}},
      {"features", columns},
      {"input",
       {{"layout", "[B, T, F]"},
        {"seq_len", options.seq_len},
        {"n_features", width},
        {"dtype", "float32"},
        {"windows_cross_sessions", options.windows_cross_sessions}}},
      {"output",
       {{"layout", "[B, C]"},
        {"kind", options.kind},
        {"classes", n_outputs == 3 ? Json{"down", "flat", "up"} : Json::array()}}},
      {"label", {{"kind", "direction"}, {"horizon", 2}, {"min_move_bp", 0.0}}},
      {"warmup", plan->warmup()},
      {"settle", *plan->settle()},
      {"first_valid_row", plan->first_valid_row()},
      {"session_gap_ns", plan->session_gap()},
      {"allow_early_emit", plan->allow_early_emit()},
      {"normalisation",
       {{"kind", "standard"},
        {"where", "inside the model"},
        {"mean", std::vector<double>(width)},
        {"inv_std", scaler}}},
      {"clip", nullptr},
      {"spans", {{"train", span}, {"validation", span}, {"test", span}}},
      {"metrics",
       {{"rows", 10},
        {"scores", {{"model", {{"auc", 0.53}, {"ic", nullptr}}}, {"majority", {{"auc", 0.5}}}}},
        {"auc_standard_error", nullptr}}},
      {"gate",
       {{"rule", "the model's auc on the test span is above that of every baseline"},
        {"passed", true},
        {"figures", {{"model", 0.53}, {"majority", 0.5}}}}},
      {"drift", drift},
      {"backends", backends},
      {"engine", {{"version", "0.1.0"}}},
      {"golden", {{"bars", count}, {"windows", 256}, {"batches", {1, 7, 256}}, {"stress", 16}}},
      {"versions", {{"sentio", "0"}, {"python", "3"}, {"numpy", "2"}, {"torch", "2"}}}};

  const std::string g = std::to_string(count);
  const auto state = engine.state();
  Files files = {
      {"metadata.json", manifest.dump(2)},
      {"feature_spec.json", std::string(kSpec)},
      {"model.pt", "a sum"},
      {"engine.state", std::string(reinterpret_cast<const char*>(state.data()), state.size())},
      {"golden/ts.npy", npy("<i8", "(" + g + ",)", bars.ts)},
      {"golden/bars.npy", npy("<f8", "(" + g + ", 5)", bar_rows)},
      {"golden/before.state", std::string(reinterpret_cast<const char*>(before.data()), before.size())},
      {"golden/warm_features.npy", npy("<f4", "(" + g + ", " + std::to_string(width) + ")", warm_features)},
      {"golden/features.npy", npy("<f4", "(" + g + ", " + std::to_string(width) + ")", features)},
      {"golden/rows.npy", npy("<i8", "(256,)", rows)},
  };
  const std::string shape = "(16, " + std::to_string(options.seq_len) + ", " + std::to_string(width) + ")";
  files["golden/stress.npy"] = npy("<f4", shape, stress);
  files["golden/stress_outputs.npy"] = npy("<f4", "(16" + columns_of_outputs, stress_outputs);
  if (options.native) {
    files["model.safetensors"] = safetensors(sum_tensors(width, size, n_outputs));
    std::vector<float> all = outputs;
    all.insert(all.end(), stress_outputs.begin(), stress_outputs.end());
    files["golden/native.npy"] = npy("<f4", "(272" + columns_of_outputs, all);
  }
  for (const char* batch : {"1", "7", "256"}) {
    files["golden/outputs_" + std::string(batch) + ".npy"] = npy("<f4", "(256" + columns_of_outputs, outputs);
  }
  return files;
}

inline LoadOptions sum_model(bool strict = true, const std::string& kind = "logit") {
  return {.model_loader = [strict, kind](std::span<const std::byte>, const ModelShape& shape) {
    return std::make_unique<const SumModel>(shape, strict, kind);
  }};
}

inline std::shared_ptr<const Bundle> load_made(const BundleOptions& options = {}) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle(options));
  return Bundle::load(folder.path(), options.native ? LoadOptions{} : sum_model(true, options.kind));
}

}  // namespace sentio::test
