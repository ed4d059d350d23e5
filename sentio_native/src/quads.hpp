// Quads: columns that stand side by side while whole blocks of warm bars run, four to a row. A kernel of
// lanes then writes its vectors as they are, formulas read them as they are, and the output takes four
// features at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/row_loops.hpp"

namespace sentio {

// The columns of one call of a kernel: those that its first node reads, then those that its second node does,
// ...
struct CallColumns {
  enum class Kind : std::uint8_t {
    lanes,     // each over one series: writes quads
    formulas,  // of one row: runs on quads as on columns, if all that it reads and writes stands in quads
    other,
  };
  explicit CallColumns(Kind of) : kind(of) {}
  // How many outputs from `first` on a quad may hold: lanes of one series, or those of other kernels.
  [[nodiscard]] std::size_t lanes_from(std::size_t first) const;

  Kind kind;
  std::vector<int> in{}, out{};
};

class Quads {
 public:
  Quads() = default;
  Quads(Quads&&) = default;  // what is emitted points to `memory_`, which a copy would not have
  Quads& operator=(Quads&&) = default;
  // `may_stand` says of each column whether it may: nobody looks back upon it. `emitted` are the columns in
  // the output's order.
  Quads(std::span<const CallColumns> calls, const std::vector<bool>& may_stand, std::span<const int> emitted);

  [[nodiscard]] bool empty() const noexcept { return memory_.empty(); }
  // Row 0 of a column that is in a quad, else null.
  [[nodiscard]] double* row(int column) noexcept;

  // All of a block; `columns` are row 0 of what is emitted.
  void emit(const double* const* columns, std::ptrdiff_t rows, float* out, bool streaming) noexcept;

 private:
  static constexpr int kApart = -1;
  struct alignas(64) Line {
    double values[8];
  };

  void form(const CallColumns& call, const std::vector<bool>& may_stand);
  bool break_up(const CallColumns& call);
  void emit_from(std::span<const int> emitted);
  [[nodiscard]] bool reads_quads(const CallColumns& call, std::size_t first, std::size_t lanes) const;
  [[nodiscard]] int place(int column) const { return place_[static_cast<std::size_t>(column)]; }
  bool part(int column);

  std::vector<int> place_;  // of each column: kLanes * quad + lane
  int places_ = 0;
  std::vector<Line> memory_;
  std::size_t width_ = 0;
  std::vector<EmittedQuad> emitted_;
  std::vector<EmittedEight> eights_;
  std::vector<std::array<std::size_t, 8>> sources_;  // of each eight, the features whose columns it takes
};

}  // namespace sentio
