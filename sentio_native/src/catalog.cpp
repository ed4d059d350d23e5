// Gathers the ops of all files in src/ops.
#include "sentio/catalog.hpp"

#include <algorithm>
#include <vector>

#include "op_files.hpp"

namespace sentio {

std::span<const OpInfo> catalog() {
  static const std::vector<OpInfo> ops = [] {
    std::vector<OpInfo> all;
    for (const auto file : ops::kFiles) {
      for (OpInfo& op : file()) all.push_back(std::move(op));
    }
    std::sort(all.begin(), all.end(), [](const OpInfo& a, const OpInfo& b) { return a.name < b.name; });
    return all;
  }();
  return ops;
}

const OpInfo* find_op(std::string_view name) {
  const auto ops = catalog();
  const auto found = std::lower_bound(ops.begin(), ops.end(), name,
                                      [](const OpInfo& op, std::string_view n) { return op.name < n; });
  return found != ops.end() && found->name == name ? &*found : nullptr;
}

std::string_view describe(Memory memory) noexcept {
  switch (memory) {
    case Memory::window:
      return "window";
    case Memory::decaying:
      return "decaying";
    case Memory::session:
      return "session";
    case Memory::unbounded:
      return "unbounded";
  }
  return "unknown";
}

std::string_view settles(Memory memory) noexcept {
  switch (memory) {
    case Memory::window:
      return "once the window is full, on any bars";
    case Memory::decaying:
      return "after `settle` bars, where prices are within a factor of 16 of each other and not all equal, "
             "and "
             "no average of moves, ranges or volumes that it divides by falls below a millionth (2^-20) of "
             "the "
             "largest of them in the history";
    case Memory::session:
      return "at the first session start that a cold start sees; "
             "on bars without one, as of a market that never closes, never";
    case Memory::unbounded:
      return "never";
  }
  return "unknown";
}

}  // namespace sentio
