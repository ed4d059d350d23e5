// How long ago the highest or lowest of the last rows was.
#pragma once

#include "kernels/window_fold.hpp"

namespace sentio {

// Which of equal rows counts.
enum class Ties : std::uint8_t { first, latest };

// Bars since the window's largest value times `sign`.
template <Ties ties>
struct AgeFold {
  struct Value {
    double best;
    double place;  // from the anchor on
  };
  static constexpr bool kOverlaps = true;
  double sign;

  Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor) const noexcept {
    return {sign * in[0][i], static_cast<double>(i - anchor)};
  }
  Value moved(const Value& v, double, const double* const*, std::ptrdiff_t from,
              std::ptrdiff_t to) const noexcept {
    return {v.best, v.place + static_cast<double>(from - to)};
  }
  Value join(const Value& older, const Value& newer) const noexcept {
    const bool stays = ties == Ties::first ? newer.best <= older.best : newer.best < older.best;
    return stays ? older : newer;
  }
  void finish(const double* const*, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
              double* const* out) const noexcept {
    out[0][i] = static_cast<double>(i - anchor) - all.place;
  }
};

template <Ties ties>
[[nodiscard]] NodeRef highest_age(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  constexpr const char* kName = ties == Ties::first ? "highest_age_first" : "highest_age_latest";
  return window_fold(graph, kName, {x}, window, AgeFold<ties>{1.0});
}

template <Ties ties>
[[nodiscard]] NodeRef lowest_age(GraphBuilder& graph, NodeRef x, std::int64_t window) {
  constexpr const char* kName = ties == Ties::first ? "lowest_age_first" : "lowest_age_latest";
  return window_fold(graph, kName, {x}, window, AgeFold<ties>{-1.0});
}

}  // namespace sentio
