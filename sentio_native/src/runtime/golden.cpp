// Replaying golden vectors.
#include "runtime/golden.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "session_rule.hpp"

namespace sentio {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorCode::bad_bundle, reason);
}

bool same_bits(float a, float b) noexcept {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// Nine digits tell every float from its neighbours.
std::string exact(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
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
  std::vector<Problem> problems;
  const auto ts = read<std::int64_t>(files, "ts", {count}, problems);
  const auto bars = read<double>(files, "bars", {count, 5}, problems);
  features_ = read<float>(files, "features", {count, width}, problems);
  rows_ = read<std::int64_t>(files, "rows", {kGoldenWindows}, problems);
  for (const std::size_t batch : kGoldenBatches) {
    outputs_.push_back(read<float>(files, "logits_" + std::to_string(batch), {kGoldenWindows, 1}, problems));
  }
  if (!problems.empty())
    throw Error(ErrorCode::bad_bundle, "the golden arrays do not fit", std::move(problems));
  for (const auto& outputs : outputs_) {
    const auto values = outputs.values;
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      refuse("the golden outputs are not all finite");
    }
  }
  bars_ = BarTable::from_rows(ts.values, bars.values);
  check_windows();
}

void Golden::check_windows() const {
  const std::int64_t length = document_.manifest.window.seq_len;
  std::vector<std::int64_t> session_first(bars_.size(), 0);  // first row of each row's session
  const double session_gap = gap_seconds(0, document_.session_gap_ns);
  bool closer_seen = false;
  for (std::size_t i = 1; i < bars_.size(); ++i) {
    const bool opens = opens_session(gap_seconds(bars_.ts[i - 1], bars_.ts[i]), session_gap, closer_seen);
    session_first[i] = opens ? static_cast<std::int64_t>(i) : session_first[i - 1];
  }
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
    if (!document_.manifest.windows_cross_sessions && first < session_first[static_cast<std::size_t>(row)]) {
      refuse("golden/rows.npy: the window that ends at row " + std::to_string(row) +
             " crosses a session's start");
    }
    before = row;
  }
}

void Golden::compare_features(const Plan& plan, std::size_t row, std::span<const float> computed) const {
  const std::size_t width = plan.width();
  for (std::size_t k = 0; k < computed.size(); ++k) {
    const float recorded = features_.values[row * width + k];
    if (same_bits(recorded, computed[k])) continue;
    refuse("golden row " + std::to_string(row + k / width) + ", feature '" + plan.features()[k % width].name +
           "': " + exact(computed[k]) + " computed, " + exact(recorded) + " recorded");
  }
}

std::string Golden::replay_features(const std::shared_ptr<const Plan>& plan) const {
  std::vector<float> computed(features_.values.size());
  Engine(plan).compute(bars_.columns(), computed);
  compare_features(*plan, 0, computed);
  return std::to_string(bars_.size()) + " bars of " + std::to_string(plan->width()) +
         " features, equal to the bit";
}

std::string Golden::replay_stream(const std::shared_ptr<const Plan>& plan) const {
  Engine engine(plan);
  std::vector<float> computed(plan->width());
  for (std::size_t row = 0; row < bars_.size(); ++row) {
    if (const BarFault fault = engine.step(bars_[row], computed); fault != BarFault::none) {
      refuse("golden bar " + std::to_string(row) + ": " + std::string(describe(fault)));
    }
    compare_features(*plan, row, computed);
  }
  return std::to_string(bars_.size()) + " bars, equal to the bit";
}

std::string Golden::replay_outputs(const Model& model, std::size_t batch) const {
  const BundleManifest& manifest = document_.manifest;
  const ModelEnvironment here = model.environment();
  const bool exactly = here == manifest.recorded_on;
  const auto place =
      std::find(std::begin(kGoldenBatches), std::end(kGoldenBatches), batch) - std::begin(kGoldenBatches);
  const auto recorded = outputs_[static_cast<std::size_t>(place)].values;

  const auto width = static_cast<std::size_t>(manifest.window.n_features);
  std::vector<float> windows, outputs(batch);
  double largest = 0;
  for (std::size_t first = 0; first < kGoldenWindows; first += batch) {
    const std::size_t count = std::min(batch, kGoldenWindows - first);
    windows.clear();
    for (const std::int64_t row : rows_.values.subspan(first, count)) {
      const auto end = (static_cast<std::size_t>(row) + 1) * width;
      const auto window = features_.values.subspan(end - manifest.window.size(), manifest.window.size());
      windows.insert(windows.end(), window.begin(), window.end());
    }
    model.run(windows, std::span(outputs).first(count));
    for (std::size_t k = 0; k < count; ++k) {
      const double difference = std::fabs(double{outputs[k]} - double{recorded[first + k]});
      const bool agrees =
          exactly ? same_bits(outputs[k], recorded[first + k]) : difference <= manifest.tolerance;
      if (!agrees) {
        refuse("window " + std::to_string(first + k) + ": " + exact(outputs[k]) + " computed, " +
               exact(recorded[first + k]) + " recorded, " +
               (exactly ? "which must be equal to the bit here"
                        : "which differ by more than " + exact(manifest.tolerance)));
      }
      largest = std::max(largest, difference);
    }
  }
  const std::string count = std::to_string(kGoldenWindows) + " windows, ";
  if (exactly) return count + "equal to the bit";
  return count + "differ by at most " + exact(largest) + ", allowed is " + exact(manifest.tolerance) +
         " (recorded with " + manifest.recorded_on.library + " " + manifest.recorded_on.cpu_capability +
         ", here " + here.library + " " + here.cpu_capability + ")";
}

}  // namespace sentio
