// The engine's interface: bars are checked, then run in blocks or alone; snapshots; what a plan costs.
#include "sentio/engine.hpp"

#include <chrono>
#include <string>

#include "engine_impl.hpp"
#include "kernels/in_vectors.hpp"
#include "sentio/error.hpp"
#include "sentio/snapshot.hpp"
#include "snapshot_bytes.hpp"

namespace sentio {

std::vector<std::string_view> instruction_sets() {
  std::vector<std::string_view> names;
  for (const RowLoops* loops : usable_row_loops()) names.push_back(loops->instruction_set);
  return names;
}

std::string_view instruction_set() {
  return row_loops().instruction_set;
}

Engine::Engine(std::shared_ptr<const Plan> plan) : impl_(std::make_unique<Impl>(std::move(plan))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Engine::Engine(const Engine& other) : Engine(other.impl_->plan) {
  restore(other.state());
}

Engine& Engine::operator=(const Engine& other) {
  if (this != &other) *this = Engine(other);
  return *this;
}

const Plan& Engine::plan() const noexcept {
  return *impl_->plan;
}
std::int64_t Engine::bars_seen() const noexcept {
  return impl_->seen;
}
std::optional<std::int64_t> Engine::last_ts() const noexcept {
  return impl_->seen > 0 ? std::optional(impl_->last_ts) : std::nullopt;
}

namespace {

template <class Float>
void require_output(const Plan& plan, std::size_t rows, std::size_t size) {
  if ((plan.dtype() == Dtype::float32) != std::is_same_v<Float, float>) {
    throw Error(ErrorCode::bad_argument, std::string("the spec's dtype is ") +
                                             (plan.dtype() == Dtype::float32 ? "float32" : "float64") +
                                             ", the output buffer's is not");
  }
  if (size != rows * plan.width()) {
    throw Error(ErrorCode::bad_argument, "the output buffer has " + std::to_string(size) + " values, " +
                                             std::to_string(rows) + " bars of " +
                                             std::to_string(plan.width()) + " features need " +
                                             std::to_string(rows * plan.width()));
  }
}

void require_equal_lengths(const BarColumns& bars) {
  for (const auto& column : {bars.open, bars.high, bars.low, bars.close, bars.volume}) {
    if (column.size() != bars.size()) {
      throw Error(ErrorCode::bad_argument, "the bars' columns differ in length: ts has " +
                                               std::to_string(bars.size()) + " rows, another has " +
                                               std::to_string(column.size()));
    }
  }
}

// Whether every bar is valid and later than the one before it: what check_bar says of each, in vectors.
bool are_valid(const BarColumns& bars) noexcept {
  const auto size = static_cast<std::ptrdiff_t>(bars.size());
  const std::int64_t* ts = bars.ts.data();
  const double *open = bars.open.data(), *high = bars.high.data(), *low = bars.low.data();
  const double *close = bars.close.data(), *volume = bars.volume.data();
  std::int64_t faults = 0;
  in_vectors(size, [&] {
    std::int64_t found = 0;
    for (std::ptrdiff_t i = 0; i < size; ++i) {
      // Low below open and close, and these below high: the outer two hold the others' bounds, too.
      const bool valid = (low[i] >= kMinPrice) & (high[i] <= kMaxPrice) & (open[i] >= low[i]) &
                         (open[i] <= high[i]) & (close[i] >= low[i]) & (close[i] <= high[i]) &
                         (volume[i] >= 0.0) & (volume[i] <= kMaxVolume);
      found |= valid ? 0 : 1;
    }
    for (std::ptrdiff_t i = 1; i < size; ++i) found |= ts[i] > ts[i - 1] ? 0 : 1;
    faults = found;
  });
  return faults == 0;
}

}  // namespace

template <class Impl, class Float, class Lap>
static void compute_in_blocks(Impl& impl, const BarColumns& bars, std::span<Float> out, Lap lap) {
  require_equal_lengths(bars);
  require_output<Float>(*impl.plan, bars.size(), out.size());
  if (bars.size() > 0 && !(impl.is_later(bars.ts[0]) && are_valid(bars))) {
    for (std::size_t i = 0; i < bars.size(); ++i) {
      const bool later = i == 0 ? impl.is_later(bars.ts[0]) : bars.ts[i] > bars.ts[i - 1];
      const BarFault fault = later ? check_bar(bars[i]) : BarFault::not_later;
      if (fault == BarFault::none) continue;
      throw Error(ErrorCode::bad_bars, "bar " + std::to_string(i) + ": " + std::string(describe(fault)));
    }
  }
  const FloatingPointMode mode;
  const std::size_t width = impl.plan->width();
  for (std::size_t first = 0; first < bars.size(); first += kBlock) {
    const std::size_t rows = std::min<std::size_t>(kBlock, bars.size() - first);
    impl.run(bars.slice(first, rows), out.data() + first * width, out.size() > kStreamingValues, lap);
  }
}

static BarColumns columns_of(const Bar& bar) noexcept {
  return {{&bar.ts, 1}, {&bar.open, 1}, {&bar.high, 1}, {&bar.low, 1}, {&bar.close, 1}, {&bar.volume, 1}};
}

template <class Impl, class Float>
static BarFault fault_of(const Impl& impl, const Bar& bar, std::span<Float> out) {
  require_output<Float>(*impl.plan, 1, out.size());
  return impl.is_later(bar.ts) ? check_bar(bar) : BarFault::not_later;
}

template <class Impl, class Float>
static BarFault step_one(Impl& impl, const Bar& bar, std::span<Float> out) {
  if (const BarFault fault = fault_of(impl, bar, out); fault != BarFault::none) return fault;
  const FloatingPointMode mode;
  if (impl.is_warm()) {
    impl.run_warm(bar, out);
  } else {
    impl.run(columns_of(bar), out.data(), false, kUntimed);
  }
  return BarFault::none;
}

void Engine::compute(const BarColumns& bars, std::span<float> out) {
  compute_in_blocks(*impl_, bars, out, kUntimed);
}
void Engine::compute(const BarColumns& bars, std::span<double> out) {
  compute_in_blocks(*impl_, bars, out, kUntimed);
}
BarFault Engine::step(const Bar& bar, std::span<float> out) {
  return step_one(*impl_, bar, out);
}
BarFault Engine::step(const Bar& bar, std::span<double> out) {
  return step_one(*impl_, bar, out);
}
BarFault Engine::peek(const Bar& bar, std::span<float> out) {
  if (const BarFault fault = fault_of(*impl_, bar, out); fault != BarFault::none) return fault;
  const FloatingPointMode mode;
  impl_->peek(columns_of(bar), out.data());
  return BarFault::none;
}

void Engine::reset() {
  impl_ = std::make_unique<Impl>(impl_->plan);
}

std::vector<std::byte> Engine::state() const {
  std::vector<std::byte> bytes = begin_snapshot({.spec_hash = impl_->plan->hash(),
                                                 .bars_seen = impl_->seen,
                                                 .last_ts = impl_->seen > 0 ? impl_->last_ts : 0});
  StateArchive archive(bytes);
  impl_->payload(archive);
  seal_snapshot(bytes);
  return bytes;
}

void Engine::restore(std::span<const std::byte> bytes) {
  const SnapshotInfo info = inspect_snapshot(bytes);
  if (info.spec_hash != impl_->plan->hash()) {
    throw Error(ErrorCode::bad_state, "the snapshot is of another spec than this engine's");
  }
  auto next = std::make_unique<Impl>(impl_->plan);
  next->seen = info.bars_seen;
  next->last_ts = info.last_ts;
  StateArchive archive(snapshot_payload(bytes));
  next->payload(archive);
  if (archive.left() != 0)
    throw Error(ErrorCode::bad_state, "the snapshot holds more than this spec's state");
  const FloatingPointMode mode;
  next->rebuild();
  impl_ = std::move(next);
}

template <class Float, class Impl>
static Cost measure_blocks(Impl& impl, const BarColumns& bars) {
  using Clock = std::chrono::steady_clock;
  const std::size_t steps = impl.runners.size();
  std::vector<Clock::time_point> laps;
  laps.reserve(steps + 3);  // the block's begin, the bars taken in, each runner, the rows written
  std::vector<std::int64_t> warm_from(steps, 0);
  for (std::size_t k = 0; k < steps; ++k) {
    const auto& runner = impl.runners[k];
    for (std::size_t o = 0; o < runner.outputs; ++o) {
      const auto column = static_cast<std::size_t>(impl.column_of[runner.out + o]);
      warm_from[k] = std::max(warm_from[k], impl.column_valid[column]);
    }
  }
  std::vector<std::vector<double>> of_runner(steps);
  std::vector<double> of_rest;
  std::vector<Float> out(kBlock * impl.plan->width());
  // Steps that were done at once share alike.
  const auto lap = [&laps](std::size_t count) {
    const auto now = Clock::now(), before = laps.empty() ? now : laps.back();
    const auto each = (now - before) / static_cast<std::ptrdiff_t>(count);
    for (std::size_t k = 0; k < count; ++k) laps.push_back(laps.empty() ? now : laps.back() + each);
  };
  for (std::size_t first = 0; first + kBlock <= bars.size(); first += kBlock) {
    laps.clear();
    const std::int64_t seen = impl.seen;
    compute_in_blocks(impl, bars.slice(first, kBlock), std::span(out), lap);
    const auto per_bar = [&](std::size_t step) {
      return std::chrono::duration<double, std::nano>(laps[step] - laps[step - 1]).count() / double{kBlock};
    };
    for (std::size_t k = 0; k < steps; ++k) {
      if (seen >= warm_from[k]) of_runner[k].push_back(per_bar(k + 2));
    }
    of_rest.push_back(per_bar(1) + per_bar(steps + 2));
  }
  const auto median = [](std::vector<double>& values) {
    if (values.empty()) return kNaN;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  };

  std::vector<std::size_t> node_of_column;
  for (const Node& node : impl.plan->graph().nodes) {
    node_of_column.insert(node_of_column.end(), static_cast<std::size_t>(node.outputs),
                          node_of_column.empty() ? 0 : node_of_column.back() + 1);
  }
  Cost cost{.nodes = std::vector<double>(impl.plan->node_count(), 0.0), .rest = median(of_rest)};
  for (std::size_t k = 0; k < steps; ++k) {
    const auto& runner = impl.runners[k];
    const double share = median(of_runner[k]) / static_cast<double>(runner.outputs);
    for (std::size_t o = 0; o < runner.outputs; ++o) {
      cost.nodes[node_of_column[static_cast<std::size_t>(impl.column_of[runner.out + o])]] += share;
    }
  }
  return cost;
}

Cost Engine::measure(const std::shared_ptr<const Plan>& plan, const BarColumns& bars) {
  require_equal_lengths(bars);
  Impl impl(plan);
  return plan->dtype() == Dtype::float32 ? measure_blocks<float>(impl, bars)
                                         : measure_blocks<double>(impl, bars);
}

}  // namespace sentio
