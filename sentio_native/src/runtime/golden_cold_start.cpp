// Whether an engine that starts cold at the first golden bar agrees with the long run once it has settled.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "runtime/golden.hpp"
#include "sentio/error.hpp"
#include "text.hpp"

namespace sentio {
namespace {

// `settle` is declared for prices that stay within this factor of each other.
constexpr double kSettlePriceFactor = 16;
// It is declared for moves, ranges and volumes that recur, for averages that are divided by must not fade: at
// least this share of the largest, within this part of `settle`, in which the slowest average loses three of
// its 48 bits. What a faster one loses in a rest, it had settled before.
constexpr double kMoveShare = 1.0 / 64;
constexpr std::int64_t kSettleRests = 16;

// The longest stretch of bars over which a price, the range or the volume that the plan reads all but rests.
std::int64_t longest_rest(const Plan& plan, const BarTable& bars) {
  std::vector<std::vector<double>> sizes;
  const auto add = [&](auto size_at) {
    sizes.emplace_back();
    for (std::size_t i = 0; i < bars.size(); ++i) sizes.back().push_back(size_at(i));
  };
  const std::vector<NodeInfo> nodes = plan.nodes();
  std::set<std::string> read;
  for (const NodeInfo& node : nodes) {
    for (const NodeRef& input : node.inputs) read.insert(nodes[static_cast<std::size_t>(input.node)].kernel);
  }
  for (const auto& [name, prices] :
       {std::pair("high", &bars.high), {"low", &bars.low}, {"close", &bars.close}}) {
    const auto move = [&x = *prices](std::size_t i) { return i == 0 ? 0.0 : std::fabs(x[i] - x[i - 1]); };
    if (read.contains(name)) add(move);
  }
  if (read.contains("high")) add([&](std::size_t i) { return bars.high[i] - bars.low[i]; });
  if (read.contains("volume")) add([&](std::size_t i) { return bars.volume[i]; });
  std::int64_t longest = 0;
  for (const std::vector<double>& size : sizes) {
    const double largest = *std::max_element(size.begin(), size.end());
    std::int64_t rest = 0;
    for (const double each : size) {
      rest = each > 0 && each >= kMoveShare * largest ? 0 : rest + 1;
      longest = std::max(longest, rest);
    }
  }
  return longest;
}

}  // namespace

std::optional<std::string> Golden::cold_start_obstacle(const std::shared_ptr<const Plan>& plan) const {
  if (!document_.settle) {
    std::string names;
    for (const FeatureInfo& feature : plan->features()) {
      if (!feature.settle) names += (names.empty() ? "" : ", ") + feature.name;
    }
    return "settle is null: there is none for " + names;
  }
  Engine engine(plan);
  engine.restore(state_before_);
  if (engine.bars_seen() == 0) return "no bar comes before the golden ones, so there is no longer run";
  const double top = *std::max_element(bars_.high.begin(), bars_.high.end());
  const double bottom = *std::min_element(bars_.low.begin(), bars_.low.end());
  if (top == bottom || top > kSettlePriceFactor * bottom) {
    return "the golden prices are flat or not within a factor of " + float_text(kSettlePriceFactor) +
           ", for which settle is declared";
  }
  if (const std::size_t first = settled_row(*plan); first >= bars_.size()) {
    return "settle is " + std::to_string(*document_.settle) +
           (plan->reads_sessions() ? " from a session's start on" : "") + ", there are " +
           std::to_string(bars_.size()) + " golden bars";
  }
  const std::int64_t rest = longest_rest(*plan, bars_);
  if (rest > plan->settle().value_or(0) / kSettleRests) {
    if (const auto difference = cold_difference(*plan)) {
      return *difference + "; but a price, the range or the volume rests for " + std::to_string(rest) +
             " golden bars, and settle is declared for those that recur";
    }
  }
  return std::nullopt;
}

std::string Golden::compare_cold_start(const Plan& plan) const {
  if (const auto difference = cold_difference(plan)) throw Error(ErrorCode::bad_bundle, *difference);
  const std::size_t first = settled_row(plan);
  return std::to_string(bars_.size() - first) + " bars from row " + std::to_string(first) +
         " on, within one unit in the last place of the long run";
}

// The first value of which a settled cold start differs from the long run by more than it may.
std::optional<std::string> Golden::cold_difference(const Plan& plan) const {
  const std::size_t width = plan.width(), first = settled_row(plan);
  const std::vector<double> scales = error_scales(plan, bars_.columns());
  for (std::size_t i = first * width; i < scales.size(); ++i) {
    const float cold = features_.values[i], warm = warm_features_.values[i];
    const double size = std::max(std::fabs(double{warm}), scales[i]);
    const double last_place = std::ldexp(1.0, std::clamp(std::ilogb(size), -126, 127) - 23);  // float32's
    if (std::fabs(double{cold} - double{warm}) <= last_place) continue;
    return "golden row " + std::to_string(i / width) + ", feature '" + plan.features()[i % width].name +
           "': " + float_text(cold) + " after a cold start, " + float_text(warm) +
           " in the long run; allowed is " + float_text(last_place);
  }
  return std::nullopt;
}

// The first golden row at which a cold start has settled; beyond the last one where none has.
std::size_t Golden::settled_row(const Plan& plan) const {
  std::size_t from = 0;
  if (plan.reads_sessions()) {
    const std::vector<std::size_t> starts = session_starts();
    from = starts.empty() ? bars_.size() : starts.front();
  }
  const std::int64_t needed = std::max(document_.settle.value_or(0), document_.first_valid_row);
  return from + static_cast<std::size_t>(needed);
}

}  // namespace sentio
