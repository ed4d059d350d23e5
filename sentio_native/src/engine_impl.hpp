// What an engine holds: columns with history, kernels in order, a row-major matrix at the end.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "calls.hpp"
#include "column.hpp"
#include "fp_environment.hpp"
#include "graph.hpp"
#include "kernels/kernel.hpp"
#include "kernels/row_loops.hpp"
#include "lone_row.hpp"
#include "quads.hpp"
#include "sentio/engine.hpp"
#include "session_rule.hpp"
#include "state_archive.hpp"

namespace sentio {

// A call whose matrix is larger than this writes it past the caches: it would only push other data out of
// them.
inline constexpr std::size_t kStreamingValues = std::size_t{1} << 20;

inline double canonical(double value) noexcept {
  return value != value ? kNaN : value;
}

inline void emit_rows(const double* const* columns, std::size_t width, std::int64_t rows, float* out,
                      bool streaming) {
  row_loops().emit(columns, width, rows, out, streaming);
}

inline void emit_rows(const double* const* columns, std::size_t width, std::int64_t rows, double* out, bool) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::size_t f = 0; f < width; ++f) *out++ = canonical(columns[f][i]);
  }
}

inline constexpr auto kUntimed = [](std::size_t) {};

// Hidden although its outer class is exported.
struct __attribute__((visibility("hidden"))) Engine::Impl {
  struct Runner {
    Kernel* kernel;
    std::unique_ptr<Kernel> forming;  // a copy that a forming bar is tried on; made when it is first needed
    std::vector<std::size_t> nodes;   // those that it runs side by side
    std::size_t in, out;              // where the pointers to its inputs and outputs begin in `pointers`
    std::size_t inputs, outputs;      // and their numbers
    std::int64_t start;
    std::size_t alike = 1;  // this one and those after it that share its kernel: one call, once all are warm
  };
  // A call as it is while bars come alone.
  struct LoneCall {
    Kernel* kernel;
    std::int64_t start;
    Block block;
  };
  // Where the columns that nobody looks back upon are: most are of this kind.
  enum class Layout : std::uint8_t {
    blocks,  // each in memory of its own
    quads,   // likewise, but for those that stand in quads: whole blocks, once all columns are valid
    row,     // side by side in `lone`: while bars come alone
  };

  std::shared_ptr<const Plan> plan;
  std::vector<Column> columns;
  std::vector<std::int64_t> column_valid;
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::vector<Runner> runners;
  // Row 0 of the block at hand, in the column that `column_of` names: the bars' own columns, then each
  // runner's inputs and outputs, then what is emitted. A block moves those named by `moving` by its rows;
  // they are looked up again when some column is full, all others only when the layout is to be another.
  std::vector<double*> pointers;
  std::vector<int> column_of;
  std::vector<std::size_t> moving;
  std::size_t emitted = 0;  // where the emitted ones begin
  Layout layout = Layout::blocks;
  std::int64_t room = 0;       // rows until some column is full
  std::int64_t moved = 0;      // rows since the columns were last told
  std::int64_t warm_from = 0;  // from this row on, every column is valid
  Quads quads;
  LoneRow lone;
  std::vector<LoneCall> lone_calls;
  std::vector<double*> late;      // the pointers of a block that a runner, or what is emitted, starts within
  std::vector<std::byte> memory;  // of one kernel, on its way to its copy
  std::array<bool, kBaseColumns> is_read{};
  std::int64_t seen = 0;
  std::int64_t last_ts = 0;

  explicit Impl(std::shared_ptr<const Plan> p) : plan(std::move(p)) {
    (void)row_loops();             // a wrong SENTIO_ISA is told here, before any bar
    const FloatingPointMode mode;  // kernels divide as they are made: EMA's alpha is 2 / (window + 1)
    const Graph& graph = plan->graph();
    std::vector<int> first_column;
    for (const Node& node : graph.nodes) {
      first_column.push_back(static_cast<int>(columns.size()));
      warm_from = std::max(warm_from, node.valid);
      for (int k = 0; k < node.outputs; ++k) {
        columns.emplace_back(node.history);
        column_valid.push_back(node.valid);
      }
    }
    const auto column = [&](NodeRef ref) {
      return first_column[static_cast<std::size_t>(ref.node)] + ref.output;
    };
    const auto read = [&](NodeRef ref) {
      column_of.push_back(column(ref));
      if (ref.node < kBaseColumns) is_read[static_cast<std::size_t>(ref.node)] = true;
    };
    for (int k = 0; k < kBaseColumns; ++k) column_of.push_back(k);
    std::vector<CallColumns> calls;
    std::vector<bool> taken(graph.nodes.size(), false);
    std::fill_n(taken.begin(), kBaseColumns, true);
    for (std::size_t n = kBaseColumns; n < graph.nodes.size(); ++n) {
      if (taken[n]) continue;
      const Node& node = graph.nodes[n];
      const std::vector<std::size_t> members = nodes_of_call(graph, n, taken);
      CallColumns& call = calls.emplace_back(columns_kind(node));
      const std::size_t alike = node.maker.forgets ? members.size() : 1;
      const std::size_t in = column_of.size();
      for (std::size_t k = 0; k < members.size(); ++k) {
        const Node& member = graph.nodes[members[k]];
        for (const NodeRef& ref : member.key.inputs) call.in.push_back(column(ref));
        if (k > 0 && same_inputs(graph.nodes[members[k - 1]], member)) continue;
        for (const NodeRef& ref : member.key.inputs) read(ref);
      }
      const std::size_t out = column_of.size(), inputs = (out - in) / alike;
      for (const std::size_t m : members) {
        taken[m] = true;
        for (int k = 0; k < node.outputs; ++k) call.out.push_back(first_column[m] + k);
      }
      column_of.insert(column_of.end(), call.out.begin(), call.out.end());
      const std::size_t outputs = call.out.size() / alike;
      kernels.push_back(make_kernel(graph, members));
      for (std::size_t k = 0; k < alike; ++k) {
        runners.push_back({.kernel = kernels.back().get(),
                           .forming = nullptr,
                           .nodes = alike == 1 ? members : std::vector{members[k]},
                           .in = in + k * inputs,
                           .out = out + k * outputs,
                           .inputs = inputs,
                           .outputs = outputs,
                           .start = graph.nodes[members[k]].start,
                           .alike = alike - k});
      }
    }
    emitted = column_of.size();
    for (const NodeRef& ref : graph.emitted) read(ref);
    pointers.resize(column_of.size());
    late.resize(column_of.size());
    for (std::size_t k = 0; k < pointers.size(); ++k) {
      if (this->column(column_of[k]).moves()) moving.push_back(k);
    }
    place_columns(calls);
    find_columns(Layout::blocks);
  }

  void place_columns(std::vector<CallColumns>& calls) {
    std::vector<bool> may_stand;
    for (const Column& c : columns) may_stand.push_back(!c.moves());
    const std::span features = std::span(column_of).subspan(emitted);
    quads = Quads(calls, may_stand, features);
    CallColumns& bars = calls.emplace_back(CallColumns::Kind::other);
    for (int k = 0; k < kBaseColumns; ++k) bars.out.push_back(k);
    lone = LoneRow(calls, may_stand, features);
    auto call = calls.begin();
    for (auto r = runners.begin(); r != runners.end(); r += static_cast<std::ptrdiff_t>(r->alike), ++call) {
      Block block{0, 1, pointers.data() + r->in, pointers.data() + r->out, r->alike, lone.holds(*call)};
      if (block.in_row && r->alike > 1 && lone.are_side_by_side(call->in, r->inputs)) {
        block.size = static_cast<std::ptrdiff_t>(r->alike);  // formulas of lanes, as of rows
        block.lanes = 1;
      }
      lone_calls.push_back({r->kernel, r->start, block});
    }
  }

  static CallColumns::Kind columns_kind(const Node& node) {
    if (node.maker.packs) return CallColumns::Kind::lanes;
    return node.maker.forgets && node.reach.lag.none() ? CallColumns::Kind::formulas
                                                       : CallColumns::Kind::other;
  }

  Column& column(int c) noexcept { return columns[static_cast<std::size_t>(c)]; }

  [[nodiscard]] bool is_later(std::int64_t ts) const noexcept { return seen == 0 || ts > last_ts; }

  // One block of at most kBlock checked bars; `lap` is told when the block begins, and how
  // many steps were done since it was told last.
  template <class Float, class Lap>
  void run(const BarColumns& bars, Float* out, bool streaming, Lap lap) noexcept {
    const auto rows = static_cast<std::int64_t>(bars.size());
    const bool whole = std::is_same_v<Float, float> && rows == kBlock && is_warm() && !quads.empty();
    const Layout wanted = whole ? Layout::quads : Layout::blocks;
    if (layout != wanted || rows > room) lay_out(wanted);
    lap(1);
    fill_base(bars);
    lap(1);
    if (seen >= warm_from) {
      run_kernels(rows, lap);
    } else {
      for (const Runner& runner : runners) {
        run_cold(runner, *runner.kernel, rows);
        lap(1);
      }
    }
    emit(rows, out, streaming);
    lap(1);
    move(rows, bars.ts.back());
  }

  [[nodiscard]] bool is_warm() const noexcept { return seen >= warm_from && seen >= plan->emit_from(); }

  // One checked bar, when all columns are valid and emitted.
  template <class Float>
  void run_warm(const Bar& bar, std::span<Float> out) noexcept {
    if (layout != Layout::row || room == 0) lay_out(Layout::row);
    const auto put = [&](BaseColumn to, double value) { *pointers[static_cast<std::size_t>(to)] = value; };
    put(BaseColumn::open, bar.open);
    put(BaseColumn::high, bar.high);
    put(BaseColumn::low, bar.low);
    put(BaseColumn::close, bar.close);
    put(BaseColumn::volume, bar.volume);
    put(BaseColumn::gap, gap_seconds(last_ts, bar.ts));
    for (LoneCall& call : lone_calls) {
      call.kernel->run(call.block);
      ++call.block.first;
    }
    const double* const* features = pointers.data() + emitted;
    bool done = false;
    if constexpr (std::is_same_v<Float, float>) done = lone.emit_usual(features, out);
    if (!done) emit_rows(features, out.size(), 1, out.data(), false);
    move(1, bar.ts);
  }

  void move(std::int64_t rows, std::int64_t ts) noexcept {
    for (const std::size_t k : moving) pointers[k] += rows;
    room -= rows;
    moved += rows;
    seen += rows;
    last_ts = ts;
  }

  // Makes room for a block.
  void lay_out(Layout wanted) noexcept {
    tell_columns();
    for (Column& c : columns) {
      if (c.room() < kBlock) c.make_room();
    }
    if (layout == wanted) return find_moving();
    find_columns(wanted);
    for (LoneCall& call : lone_calls) call.block.first = seen - call.start;
  }

  // One checked bar, whose row is written behind the last one and not counted: the next bar overwrites it.
  // Kernels that remember run as copies of themselves.
  template <class Float>
  void peek(const BarColumns& bar, Float* out) {
    if (layout == Layout::quads || room < 1) lay_out(Layout::blocks);
    fill_base(bar);
    for (Runner& runner : runners) run_cold(runner, forming_kernel(runner), 1);
    emit(1, out, false);
  }

  // Whatever a kernel is, its memory and the columns' history make another of it.
  Kernel& forming_kernel(Runner& runner) {
    if (seen < runner.start || plan->graph().nodes[runner.nodes.front()].maker.forgets) return *runner.kernel;
    if (seen == runner.start || !runner.forming) runner.forming = make_kernel(plan->graph(), runner.nodes);
    if (seen > runner.start) {
      memory.clear();
      StateArchive saved(memory);
      runner.kernel->state(saved);
      StateArchive loaded{std::span<const std::byte>(memory)};
      runner.forming->state(loaded);
      runner.forming->rebuild(past(runner));
    }
    return *runner.forming;
  }

  // Afterwards each column knows its next row.
  void tell_columns() noexcept {
    for (Column& c : columns) c.advance(moved);
    moved = 0;
  }

  void find_columns(Layout wanted) noexcept {
    layout = wanted;
    for (std::size_t k = 0; k < pointers.size(); ++k) {
      const auto c = static_cast<std::size_t>(column_of[k]);
      double* const in_quad = layout == Layout::quads ? quads.row(column_of[k]) : nullptr;
      double* const alone = layout == Layout::row ? lone.at(column_of[k]) : nullptr;
      pointers[k] = in_quad != nullptr ? in_quad : alone != nullptr ? alone : columns[c].next();
    }
    find_moving();
  }

  // Columns that move have memory of their own in every layout; the others stay where they are in one.
  void find_moving() noexcept {
    for (const std::size_t k : moving) pointers[k] = column(column_of[k]).next();
    room = std::numeric_limits<std::int64_t>::max();
    for (const Column& c : columns) {
      if (c.moves()) room = std::min(room, c.room());
    }
  }

  void fill_base(const BarColumns& bars) noexcept {
    const auto copy = [&](BaseColumn to, std::span<const double> from) {
      const auto k = static_cast<std::size_t>(to);
      if (is_read[k]) std::copy(from.begin(), from.end(), pointers[k]);
    };
    copy(BaseColumn::open, bars.open);
    copy(BaseColumn::high, bars.high);
    copy(BaseColumn::low, bars.low);
    copy(BaseColumn::close, bars.close);
    copy(BaseColumn::volume, bars.volume);
    if (!is_read[static_cast<std::size_t>(BaseColumn::gap)]) return;
    double* gap = pointers[static_cast<std::size_t>(BaseColumn::gap)];
    std::int64_t before = seen == 0 ? bars.ts[0] : last_ts;
    for (const std::int64_t ts : bars.ts) {
      *gap++ = gap_seconds(before, ts);
      before = ts;
    }
  }

  template <class Lap>
  void run_kernels(std::int64_t rows, Lap lap) noexcept {
    const Runner* const end = runners.data() + runners.size();
    for (const Runner* r = runners.data(); r != end; r += r->alike) {
      const Block block{seen - r->start, rows, pointers.data() + r->in, pointers.data() + r->out, r->alike};
      if (layout == Layout::quads && r->alike > 1) {
        run_formulas(*r, block);
      } else {
        r->kernel->run(block);
      }
      lap(r->alike);
    }
  }

  // Four at a time: of a quad, all rows of its lanes are one row after the other.
  static void run_formulas(const Runner& runner, Block block) noexcept {
    for (std::size_t left = block.lanes; left > 0; left -= block.lanes) {
      block.lanes = std::min(left, kLanes);
      if (block.lanes > 1 && is_quad(block.out)) {
        runner.kernel->run(
            {block.first, block.size * static_cast<std::ptrdiff_t>(kLanes), block.in, block.out});
      } else {
        runner.kernel->run(block);
      }
      block.in += block.lanes * runner.inputs;
      block.out += block.lanes;
    }
  }

  // Rows of which some may be before the first that the runner runs, or before its first valid one.
  void run_cold(const Runner& runner, Kernel& kernel, std::int64_t rows) noexcept {
    const std::int64_t skip = std::clamp<std::int64_t>(runner.start - seen, 0, rows);
    if (skip < rows) {
      const auto later = [skip](double* pointer) { return pointer + skip; };
      std::transform(pointers.begin(), pointers.end(), late.begin(), later);
      kernel.run(
          {seen + skip - runner.start, rows - skip, late.data() + runner.in, late.data() + runner.out});
    }
    for (std::size_t k = 0; k < runner.outputs; ++k) {
      const auto c = static_cast<std::size_t>(column_of[runner.out + k]);
      const std::int64_t missing = column_valid[c] - seen;
      if (missing > 0) std::fill_n(pointers[runner.out + k], std::min(missing, rows), kNaN);
    }
  }

  template <class Float>
  void emit(std::int64_t rows, Float* out, bool streaming) noexcept {
    if constexpr (std::is_same_v<Float, float>) {
      if (layout == Layout::quads) return quads.emit(pointers.data() + emitted, rows, out, streaming);
    }
    const std::size_t width = plan->width();
    const std::int64_t padded = std::clamp<std::int64_t>(plan->emit_from() - seen, 0, rows);
    if (padded == 0) return emit_rows(pointers.data() + emitted, width, rows, out, streaming);
    double pad = canonical(plan->pad_value());
    std::fill(late.begin() + static_cast<std::ptrdiff_t>(emitted), late.end(), &pad);
    for (std::int64_t i = 0; i < padded; ++i) {
      emit_rows(late.data() + emitted, width, 1, out, false);
      out += width;
    }
    const auto later = [padded](double* pointer) { return pointer + padded; };
    std::transform(pointers.begin(), pointers.end(), late.begin(), later);
    emit_rows(late.data() + emitted, width, rows - padded, out, streaming);
  }

  // Values of a column that are in its history and were valid.
  [[nodiscard]] std::span<double> live(std::size_t c) noexcept {
    return columns[c].newest(std::clamp<std::int64_t>(seen - column_valid[c], 0, columns[c].history()),
                             moved);
  }

  // Saving writes nothing here, not even `moved`: threads may save at the same time.
  void payload(StateArchive& archive) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      for (double& value : live(c)) archive(value);
    }
    for (const Runner& runner : runners) {
      if (seen > runner.start) runner.kernel->state(archive);
    }
  }

  [[nodiscard]] Block past(const Runner& runner) const noexcept {
    return {seen - runner.start, 0, pointers.data() + runner.in, pointers.data() + runner.out};
  }

  void rebuild() noexcept {
    for (const Runner& runner : runners) {
      if (seen > runner.start) runner.kernel->rebuild(past(runner));
    }
  }
};

}  // namespace sentio
