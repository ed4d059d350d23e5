// Replaying golden vectors.
#include "runtime/golden.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "session_rule.hpp"
#include "text.hpp"

namespace sentio {
namespace {

// Who is within a thousandth of the outputs' spread decides as this model does; rounding is some millionth.
constexpr double kSpreadShare = 1e-3;
// Of outputs that are all the same there is no spread, but there is rounding.
constexpr double kLeastUlp = 64;

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorCode::bad_bundle, reason);
}

bool same_bits(float a, float b) noexcept {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

template <class T>
NpyView<T> read(const SealedFolder& files, const std::string& name, const std::vector<std::size_t>& shape,
                std::vector<Problem>& problems) {
  const std::string path = "golden/" + name + ".npy";
  try {
    auto array = read_npy<T>(files.bytes(path), path, shape.size());
    if (array.shape == shape) return array;
    std::string expected;
    for (const std::size_t extent : shape)
      expected += (expected.empty() ? "" : ", ") + std::to_string(extent);
    problems.push_back({path, "has another shape than [" + expected + "]"});
  } catch (const Error& error) {
    problems.push_back({path, error.what()});
  }
  return {};
}

}  // namespace

Golden::Golden(const SealedFolder& files, const ManifestDocument& document) : document_(document) {
  const std::size_t count = document.golden_bars;
  const auto width = static_cast<std::size_t>(document.manifest.window.n_features);
  const std::size_t n_outputs = document.manifest.n_outputs();
  std::vector<Problem> problems;
  const auto ts = read<std::int64_t>(files, "ts", {count}, problems);
  const auto bars = read<double>(files, "bars", {count, 5}, problems);
  features_ = read<float>(files, "features", {count, width}, problems);
  warm_features_ = read<float>(files, "warm_features", {count, width}, problems);
  state_before_ = files.bytes("golden/before.state");
  rows_ = read<std::int64_t>(files, "rows", {kGoldenWindows}, problems);
  for (const std::size_t batch : kGoldenBatches) {
    outputs_.push_back(
        read<float>(files, "outputs_" + std::to_string(batch), {kGoldenWindows, n_outputs}, problems));
  }
  const auto length = static_cast<std::size_t>(document.manifest.window.seq_len);
  stress_ = read<float>(files, "stress", {kStressWindows, length, width}, problems);
  stress_outputs_ = read<float>(files, "stress_outputs", {kStressWindows, n_outputs}, problems);
  const auto& backends = document.manifest.backends;
  const bool native = std::find(backends.begin(), backends.end(), "native") != backends.end();
  if (native) native_ = read<float>(files, "native", {kGoldenWindows + kStressWindows, n_outputs}, problems);
  if (!problems.empty())
    throw Error(ErrorCode::bad_bundle, "the golden arrays do not fit", std::move(problems));
  std::vector<NpyView<float>> all = outputs_;
  all.insert(all.end(), {stress_, stress_outputs_, native_});
  for (const auto& array : all) {
    const auto values = array.values;
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      refuse("the golden outputs or stress windows are not all finite");
    }
  }
  const double most = largest_tolerance();
  for (const BackendEntry& backend : document.backends) {
    if (!(backend.tolerance <= most)) {
      refuse(backend.name + ": the tolerance is " + float_text(backend.tolerance) +
             "; the spread of the golden outputs allows " + float_text(most));
    }
  }
  if (document.manifest.output == OutputKind::probability) {
    all = outputs_;
    all.insert(all.end(), {stress_outputs_, native_});
    for (const auto& array : all) {
      const auto values = array.values;
      if (!std::all_of(values.begin(), values.end(), [](float value) { return value >= 0 && value <= 1; })) {
        refuse("the golden outputs are no probabilities: they are outside [0, 1]");
      }
    }
  }
  bars_ = BarTable::from_rows(ts.values, bars.values);
  check_windows();
}

double Golden::largest_tolerance() const {
  const std::size_t n_outputs = document_.manifest.n_outputs();
  double spread = 0, largest = 0;
  for (std::size_t column = 0; column < n_outputs; ++column) {
    double low = outputs_[0].values[column], high = low;
    for (const auto& array : {outputs_[0], stress_outputs_}) {
      for (std::size_t k = column; k < array.values.size(); k += n_outputs) {
        low = std::min(low, double{array.values[k]});
        high = std::max(high, double{array.values[k]});
      }
    }
    spread = std::max(spread, high - low);
    largest = std::max({largest, high, -low});
  }
  const double last_place = std::ldexp(1.0, std::ilogb(std::max(largest, 0x1p-126)) - 23);  // float32's
  return std::max(kSpreadShare * spread, kLeastUlp * last_place);
}

void Golden::check_windows() const {
  const std::int64_t length = document_.manifest.window.seq_len;
  const std::vector<std::size_t> starts = session_starts();
  std::int64_t before = -1;
  for (const std::int64_t row : rows_.values) {
    if (row <= before || row >= static_cast<std::int64_t>(bars_.size())) {
      refuse("golden/rows.npy: row " + std::to_string(row) + " is not ascending or beyond the golden bars");
    }
    const std::int64_t first = row - length + 1;
    if (first < document_.first_valid_row) {
      refuse("golden/rows.npy: the window that ends at row " + std::to_string(row) +
             " begins before the first valid row, " + std::to_string(document_.first_valid_row));
    }
    const auto next_start = std::upper_bound(starts.begin(), starts.end(), static_cast<std::size_t>(row));
    const bool crosses = next_start != starts.begin() && first < static_cast<std::int64_t>(next_start[-1]);
    if (crosses && !document_.manifest.windows_cross_sessions) {
      refuse("golden/rows.npy: the window that ends at row " + std::to_string(row) +
             " crosses a session's start");
    }
    before = row;
  }
}

namespace {

void compare_features(const Plan& plan, std::size_t row, std::span<const float> computed,
                      const NpyView<float>& recorded) {
  const std::size_t width = plan.width();
  for (std::size_t k = 0; k < computed.size(); ++k) {
    const float expected = recorded.values[row * width + k];
    if (same_bits(expected, computed[k])) continue;
    refuse("golden row " + std::to_string(row + k / width) + ", feature '" + plan.features()[k % width].name +
           "': " + float_text(computed[k]) + " computed, " + float_text(expected) + " recorded");
  }
}

}  // namespace

std::string Golden::replay_features(const std::shared_ptr<const Plan>& plan) const {
  std::vector<float> computed(features_.values.size());
  Engine(plan).compute(bars_.columns(), computed);
  compare_features(*plan, 0, computed, features_);
  return std::to_string(bars_.size()) + " bars of " + std::to_string(plan->width()) +
         " features, equal to the bit";
}

std::string Golden::replay_stream(const std::shared_ptr<const Plan>& plan) const {
  Engine engine(plan);
  return stream(engine, *plan, features_);
}

std::string Golden::replay_warm(const std::shared_ptr<const Plan>& plan) const {
  Engine engine(plan);
  engine.restore(state_before_);
  const std::string before = "after " + std::to_string(engine.bars_seen()) + " bars, ";
  return before + stream(engine, *plan, warm_features_);
}

std::vector<std::size_t> Golden::session_starts() const {
  std::vector<std::size_t> starts;
  const double session_gap = gap_seconds(0, document_.session_gap_ns);
  bool closer_seen = false;
  for (std::size_t i = 1; i < bars_.size(); ++i) {
    if (opens_session(gap_seconds(bars_.ts[i - 1], bars_.ts[i]), session_gap, closer_seen))
      starts.push_back(i);
  }
  return starts;
}

std::string Golden::stream(Engine& engine, const Plan& plan, const NpyView<float>& recorded) const {
  std::vector<float> computed(plan.width());
  for (std::size_t row = 0; row < bars_.size(); ++row) {
    if (const BarFault fault = engine.step(bars_[row], computed); fault != BarFault::none) {
      refuse("golden bar " + std::to_string(row) + ": " + std::string(describe(fault)));
    }
    compare_features(plan, row, computed, recorded);
  }
  return std::to_string(bars_.size()) + " bars, equal to the bit";
}

namespace {

// Compares outputs with those that were recorded.
class Comparison {
 public:
  Comparison(const Model& model, const BackendEntry& backend, std::size_t n_outputs)
      : here_(model.environment()),
        backend_(backend),
        n_outputs_(n_outputs),
        exactly_(backend.exact && here_ == backend.recorded_on) {}

  // `own`: the backend's own recorded outputs, if there are any, equal to the bit on every machine.
  void compare(std::span<const float> computed, std::span<const float> recorded, std::span<const float> own) {
    for (std::size_t k = 0; k < computed.size(); ++k, ++count_) {
      if (!own.empty() && !same_bits(computed[k], own[k])) {
        differ(computed[k], own[k], "which must be equal to the bit everywhere");
      }
      if (exactly_ && !same_bits(computed[k], recorded[k])) {
        differ(computed[k], recorded[k], "which must be equal to the bit here");
      }
      const double difference = std::fabs(double{computed[k]} - double{recorded[k]});
      if (!(difference <= backend_.tolerance)) {  // NaN is not
        differ(computed[k], recorded[k], "which differ by more than " + float_text(backend_.tolerance));
      }
      largest_ = std::max(largest_, difference);
    }
    has_own_ = has_own_ || !own.empty();
  }

  [[nodiscard]] std::string found() const {
    const std::string count = std::to_string(count_ / n_outputs_) + " windows, ";
    if (exactly_) return count + "equal to the bit";
    const std::string distance = "at most " + float_text(largest_) + " from the trained module, allowed is " +
                                 float_text(backend_.tolerance);
    if (has_own_) return count + "equal to the bit, " + distance;
    return count + distance + " (recorded with " + backend_.recorded_on.library + " " +
           backend_.recorded_on.cpu_capability + ", here " + here_.library + " " + here_.cpu_capability + ")";
  }

 private:
  [[noreturn]] void differ(float computed, float recorded, const std::string& rule) const {
    const std::string output = n_outputs_ > 1 ? ", output " + std::to_string(count_ % n_outputs_) : "";
    refuse("window " + std::to_string(count_ / n_outputs_) + output + ": " + float_text(computed) +
           " computed, " + float_text(recorded) + " recorded, " + rule);
  }

  ModelEnvironment here_;
  const BackendEntry& backend_;
  std::size_t n_outputs_;
  bool exactly_;
  bool has_own_ = false;
  std::size_t count_ = 0;  // of outputs
  double largest_ = 0;
};

// A part of an array that may be missing altogether.
std::span<const float> part(std::span<const float> values, std::size_t first, std::size_t count) {
  return values.empty() ? values : values.subspan(first, count);
}

}  // namespace

std::string Golden::replay_outputs(const Model& model, const BackendEntry& backend, std::size_t batch) const {
  const WindowShape& shape = document_.manifest.window;
  const auto number =
      std::find(std::begin(kGoldenBatches), std::end(kGoldenBatches), batch) - std::begin(kGoldenBatches);
  const auto recorded = outputs_[static_cast<std::size_t>(number)].values;
  const auto own = backend.name == "native" ? native_.values : std::span<const float>();
  const auto width = static_cast<std::size_t>(shape.n_features);
  const std::size_t n_outputs = document_.manifest.n_outputs();
  Comparison comparison(model, backend, n_outputs);
  std::vector<float> windows, outputs(batch * n_outputs);
  for (std::size_t first = 0; first < kGoldenWindows; first += batch) {
    const std::size_t count = std::min(batch, kGoldenWindows - first);
    windows.clear();
    for (const std::int64_t row : rows_.values.subspan(first, count)) {
      const auto end = (static_cast<std::size_t>(row) + 1) * width;
      const auto window = features_.values.subspan(end - shape.size(), shape.size());
      windows.insert(windows.end(), window.begin(), window.end());
    }
    const auto computed = std::span(outputs).first(count * n_outputs);
    model.run(windows, computed);
    const std::size_t place = first * n_outputs;
    comparison.compare(computed, recorded.subspan(place, computed.size()), part(own, place, computed.size()));
  }
  return comparison.found();
}

std::string Golden::replay_stress(const Model& model, const BackendEntry& backend) const {
  const std::size_t size = document_.manifest.window.size();
  const auto own = backend.name == "native" ? native_.values : std::span<const float>();
  const std::size_t n_outputs = document_.manifest.n_outputs();
  Comparison comparison(model, backend, n_outputs);
  std::vector<float> outputs(n_outputs);
  for (std::size_t k = 0; k < kStressWindows; ++k) {
    model.run(stress_.values.subspan(k * size, size), outputs);
    comparison.compare(outputs, stress_outputs_.values.subspan(k * n_outputs, n_outputs),
                       part(own, (kGoldenWindows + k) * n_outputs, n_outputs));
  }
  return comparison.found();
}

}  // namespace sentio
