// Snapshots of an engine: what is restored is what would be saved, and the engine runs on from it.
#include "every_op.hpp"
#include "made_bars.hpp"
#include "restored.hpp"
#include "sentio/engine.hpp"
#include "snapshot_bytes.hpp"

namespace sentio::fuzz {
namespace {

using Plans = std::vector<std::shared_ptr<const Plan>>;

// One of several features, and one of each op: every kernel that carries state reads its own.
const Plans& plans() {
  static const Plans plans = [] {
    Plans made = {Plan::compile(R"({"schema_version": "1.0", "features": [
      {"name": "ret", "op": "LOGRET", "window": 1}, {"name": "ema", "op": "EMA", "window": 5},
      {"name": "rsi", "op": "RSI", "window": 7}, {"name": "roc", "op": "ROC", "window": 3},
      {"name": "vwap", "op": "VWAP"}, {"name": "obv", "op": "OBV"}]})")};
    for (const OpInfo& op : catalog()) made.push_back(Plan::compile(test::spec_of({test::feature_of(op)})));
    return made;
  }();
  return plans;
}

bool restore(const std::shared_ptr<const Plan>& plan, std::span<const std::byte> bytes) {
  Engine engine(plan);
  return take_or_refuse({ErrorCode::bad_state}, [&] {
    engine.restore(bytes);
    const auto saved = engine.state();
    Engine again(plan);
    again.restore(saved);
    require(again.state() == saved);
    std::vector<float> row(plan->width()), row_again(plan->width());
    for (const Bar& bar : later_bars(engine.last_ts(), 1)) {
      require(engine.step(bar, row) == again.step(bar, row_again));
      require(same_bits(row, row_again));
    }
  });
}

// Header and checksum are made good, for no mutation gets past a SHA-256; what is given: which plan, bars
// seen, the last bar's time, the payload.
constexpr std::size_t kGiven = 8 + 8;

std::vector<std::byte> framed(const Plan& plan, std::span<const std::byte> given) {
  std::vector<std::byte> bytes = begin_snapshot({.spec_hash = plan.hash()});
  bytes.resize(bytes.size() - kGiven);
  append(bytes, given);
  seal_snapshot(bytes);
  return bytes;
}

}  // namespace

bool read(std::span<const std::byte> bytes) {
  if (text_of(bytes).starts_with("SENTIOST")) return restore(plans().front(), bytes);
  if (bytes.size() < 1 + kGiven) return false;
  const auto& plan = plans()[std::to_integer<std::size_t>(bytes[0]) % plans().size()];
  return restore(plan, framed(*plan, bytes.subspan(1)));
}

std::vector<std::string> seeds() {
  std::vector<std::string> seeds;
  const BarTable bars = test::make_bars(300);
  for (std::size_t k = 0; k < plans().size(); ++k) {
    for (const std::size_t count : {std::size_t{0}, std::size_t{2}, bars.size()}) {
      Engine engine(plans()[k]);
      std::vector<float> rows(count * plans()[k]->width());
      engine.compute(bars.columns().slice(0, count), rows);
      const auto state = engine.state();
      if (k == 0) seeds.push_back(text_from(state, 0, 0));
      seeds.push_back(static_cast<char>(k) + text_from(state, kSnapshotHeader - kGiven, kSnapshotChecksum));
    }
  }
  return seeds;
}

}  // namespace sentio::fuzz
