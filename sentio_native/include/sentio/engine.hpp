// The feature engine: bars in, a row-major matrix out, in blocks of any size with carried state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sentio/bar.hpp"
#include "sentio/export.hpp"
#include "sentio/plan.hpp"

namespace sentio {

// The instruction sets that this build and this processor share, by name, the best first.
[[nodiscard]] SENTIO_API std::vector<std::string_view> instruction_sets();

// The one that the engine's inner loops use: the best, or that which the environment variable SENTIO_ISA
// names. The bits do not depend on it. Throws Error(unsupported) where SENTIO_ISA names none of them.
[[nodiscard]] SENTIO_API std::string_view instruction_set();

// What a plan costs on this machine: nanoseconds a bar, each the median over the blocks of some bars by a
// steady clock, so that other work on the machine disturbs it little.
struct Cost {
  std::vector<double> nodes;  // of each node, equal shares where several run side by side; NaN: never warm
  double rest = 0;            // taking the bars in and writing the matrix
};

// One symbol's running features. Not thread-safe; engines on one plan are independent of each other.
//
// The bits of the output do not depend on how the bars were split into calls, on snapshots in between,
// on the compiler or the instruction set, or on the caller's floating-point mode, which is restored.
class SENTIO_API Engine {
 public:
  // Throws Error(unsupported) where SENTIO_ISA names no instruction set of this machine.
  explicit Engine(std::shared_ptr<const Plan> plan);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  Engine(const Engine& other);
  Engine& operator=(const Engine& other);

  [[nodiscard]] const Plan& plan() const noexcept;
  [[nodiscard]] std::int64_t bars_seen() const noexcept;
  // The last bar's time, none before the first bar.
  [[nodiscard]] std::optional<std::int64_t> last_ts() const noexcept;

  // Continue with `bars`; writes [bars.size(), width] row-major into `out`.
  // Every bar is checked first: on Error(bad_bars) neither the state nor `out` has changed.
  // Throws Error(bad_argument) where `out` has another size or the plan another dtype.
  void compute(const BarColumns& bars, std::span<float> out);
  void compute(const BarColumns& bars, std::span<double> out);

  // Continue with one bar; writes [width] into `out`. A refused bar changes nothing.
  // Throws Error(bad_argument) where `out` has another size or the plan another dtype, and nothing else.
  [[nodiscard]] BarFault step(const Bar& bar, std::span<float> out);
  [[nodiscard]] BarFault step(const Bar& bar, std::span<double> out);

  // What step() would write for a bar that is still forming; nothing is committed, and state() gives the same
  // bytes after. Costs a step and a rebuilding of every window, and allocates only at the first call and
  // while some feature has not begun.
  [[nodiscard]] BarFault peek(const Bar& bar, std::span<float> out);

  // Forget all bars.
  void reset();

  // The state as bytes, see docs/reference/snapshot.md. Threads may ask for it at the same time.
  [[nodiscard]] std::vector<std::byte> state() const;
  // Go on from such bytes. Throws Error(bad_state), and changes nothing, where they are not of this spec.
  void restore(std::span<const std::byte> bytes);

  // Run a new engine over `bars` and time each node. Throws as `compute` does.
  [[nodiscard]] static Cost measure(const std::shared_ptr<const Plan>& plan, const BarColumns& bars);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sentio
