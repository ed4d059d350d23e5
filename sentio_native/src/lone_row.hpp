// Where columns stand while bars come alone: those that nobody looks back upon side by side, in the order in
// which kernels fill them. A bar then touches few cache lines and moves few pointers, lanes are written as
// the vectors that they are, and a formula of lanes runs over them as over rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "column.hpp"
#include "quads.hpp"

namespace sentio {

class LoneRow {
 public:
  LoneRow() = default;
  // `may_stand` says of each column whether it may: nobody looks back upon it. `emitted` are the columns in
  // the output's order.
  LoneRow(std::span<const CallColumns> calls, const std::vector<bool>& may_stand,
          std::span<const int> emitted);

  // Where a column stands, null if elsewhere.
  [[nodiscard]] double* at(int column) noexcept;

  // Whether the k-th inputs of all formulas of a call, each of `inputs`, are neighbours here, in order.
  [[nodiscard]] bool are_side_by_side(std::span<const int> in, std::size_t inputs) const noexcept;

  // Whether all that a call fills stands here.
  [[nodiscard]] bool holds(const CallColumns& call) const noexcept;

  // Rounds what is emitted, if all of it is finite then; else says so. `columns` are those of the output.
  [[nodiscard]] bool emit_usual(const double* const* columns, std::span<float> out) noexcept;

 private:
  static constexpr std::size_t kElsewhere = static_cast<std::size_t>(-1);

  void stand(const CallColumns& call, const std::vector<bool>& may_stand);
  void take(const std::vector<std::size_t>& from);
  [[nodiscard]] std::size_t place(int column) const { return place_[static_cast<std::size_t>(column)]; }

  std::vector<std::size_t> place_;  // of each column
  std::vector<double, LineAllocator<double>> row_;
  std::size_t places_ = 0;

  std::vector<std::size_t> copied_;  // the features whose columns are elsewhere, in the order of their places
  std::size_t copies_ = 0;           // where these places begin
  // How the output is taken from the places: kLanes neighbours at once where these are neighbours in both.
  struct Piece {
    std::size_t from, to;
  };
  std::vector<Piece> fours_, ones_;
  std::vector<float, LineAllocator<float>> rounded_;  // of all places from which something is emitted
};

}  // namespace sentio
