// Many symbols in one call, spread over threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "sentio/bar.hpp"
#include "sentio/export.hpp"
#include "sentio/plan.hpp"

namespace sentio {

// One symbol's bars, and where their features go: [bars.size(), width] row-major, of the plan's dtype.
struct SymbolRun {
  std::string symbol;  // by which an error names it
  BarColumns bars;
  std::variant<std::span<float>, std::span<double>> out;
};

// Computes each run by an engine of its own, from its first bar, on at most `threads` threads. The bits
// depend neither on their number nor on the order in which symbols are done.
//
// `finished` is told the index of each run that has ended, one at a time and on the caller's thread; where it
// throws, no other run is begun and its exception leaves.
//
// Throws Error(bad_argument) where `threads` is 0 or two runs' `out` overlap, before any is begun. The other
// runs go on past one that fails; at the end an Error has a problem for each that did, in order, with the
// first one's code; their `out` has not changed.
SENTIO_API void compute_many(const std::shared_ptr<const Plan>& plan, std::span<const SymbolRun> runs,
                             std::size_t threads, const std::function<void(std::size_t)>& finished);

}  // namespace sentio
