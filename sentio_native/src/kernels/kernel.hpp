// A kernel: one step of a plan, run over a block of rows with state carried between blocks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sentio {

class StateArchive;

// Rows at a time, at most: all columns of a usual plan then fit the second-level cache.
inline constexpr std::int64_t kBlock = 256;

// The rows that a kernel is asked for. `in[k][i]` is input k at row i; `in[k][i - lag]` is valid for every
// lag up to the node's own, also at row 0: the engine starts a kernel only when that much history is there.
struct Block {
  std::int64_t first;  // rows that the kernel has run before
  std::ptrdiff_t size;
  const double* const* in;
  double* const* out;
  std::size_t lanes = 1;  // how many times a formula is to be run, see KernelMaker
  // Of one row: whether output k is at out[0] + k, in vectors of kLanes, of which none is over two series,
  // and the last may be written whole.
  bool in_row = false;
};

class Kernel {
 public:
  Kernel() = default;
  virtual ~Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Fill out[k][0 .. size). The result must not depend on how rows are split into blocks.
  virtual void run(const Block& block) noexcept = 0;

  // Pass every value that cannot be had from the inputs' history to `archive`, which saves or loads it; do
  // nothing else, since saving must leave the kernel as it is.
  virtual void state(StateArchive&) {}

  // Make again what is cached from the inputs' history, after loading; `past` has size 0 and stands at the
  // next row.
  virtual void rebuild(const Block&) noexcept {}
};

}  // namespace sentio
