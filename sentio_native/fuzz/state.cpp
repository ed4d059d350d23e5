// Snapshots of an engine: what is restored is what would be saved, and the engine runs on from it.
#include <algorithm>
#include <vector>

#include "reader.hpp"
#include "sentio/engine.hpp"
#include "snapshot_bytes.hpp"

namespace {

using namespace sentio;

// Kernels that carry state of each kind: recursive ones, counts, orders, sessions.
constexpr std::string_view kSpec = R"({"schema_version": "1.0", "features": [
  {"name": "ret", "op": "LOGRET", "window": 1}, {"name": "ema", "op": "EMA", "window": 5},
  {"name": "rsi", "op": "RSI", "window": 7}, {"name": "roc", "op": "ROC", "window": 3},
  {"name": "vwap", "op": "VWAP"}, {"name": "obv", "op": "OBV"}]})";

void restore(std::span<const std::byte> bytes) {
  static const std::shared_ptr<const Plan> plan = Plan::compile(kSpec);
  Engine engine(plan);
  fuzz::read_or_refuse({ErrorCode::bad_state}, [&] {
    engine.restore(bytes);
    const auto again = engine.state();
    Engine(plan).restore(again);
    std::vector<float> row(plan->width());
    const std::int64_t last = engine.last_ts().value_or(0);
    if (last < std::int64_t{1} << 62) (void)engine.step({last + 1, 10, 11, 9, 10.5, 100}, row);
  });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes_of(data, size);
  restore(bytes);
  // The same with header and checksum made good, for no mutation gets past a SHA-256: bars seen, the last
  // bar's time and the payload are what was given.
  constexpr std::size_t kGiven = 8 + 8;
  if (size < kGiven) return 0;
  static const auto spec_hash = Plan::compile(kSpec)->hash();
  SnapshotInfo info;
  info.spec_hash = spec_hash;
  std::vector<std::byte> framed = begin_snapshot(info);
  framed.resize(framed.size() - kGiven);
  framed.insert(framed.end(), bytes.begin(), bytes.end());
  seal_snapshot(framed);
  restore(framed);
  return 0;
}
