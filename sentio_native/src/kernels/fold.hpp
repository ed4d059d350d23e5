// What the kernels of windows ask of a fold, the description of a statistic.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>

namespace sentio {

// Fold provides
//   Value                                                     a number of eight bytes, or a struct of them
//   Value term(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor)     what row i adds
//   Value moved(const Value& v, double rows, const double* const* in, std::ptrdiff_t from, std::ptrdiff_t to)
//                             `v`, of `rows` rows up to row `from`, which is its anchor, with anchor `to`
//   Value join(const Value& older, const Value& newer)        associative; without it, the numbers are added
//   kOverlaps                                                 where a row may count twice, as in a maximum
//   kOutputs                                                  where there is more than one
//   void finish(const double* const* in, std::ptrdiff_t i, std::ptrdiff_t anchor, const Value& all,
//               double* const* out)
// `anchor` is a row inside the window: sums are centred on its value, so that a mean of 1e6 with a deviation
// of 1e-3 keeps its digits. `term`, `moved` and `join` must not depend on the window. They may see rows that
// are not valid, for windows that are not full yet; what they make of these is never shown.

// A fold's value as so many numbers: columns of them are what loops over rows want.
template <class Fold>
using NumbersOf = std::array<double, sizeof(typename Fold::Value) / sizeof(double)>;

template <class Fold>
inline constexpr std::size_t kOutputsOf = [] {
  if constexpr (requires { Fold::kOutputs; }) return std::size_t{Fold::kOutputs};
  return std::size_t{1};
}();

// Without a join of its own, a fold's numbers are added.
template <class Fold>
inline constexpr bool kAdds = !requires(const Fold& f, const typename Fold::Value& v) {
  { f.join(v, v) } -> std::convertible_to<typename Fold::Value>;
};

template <class Fold>
[[nodiscard]] inline typename Fold::Value joined(const Fold& fold, const typename Fold::Value& older,
                                                 const typename Fold::Value& newer) noexcept {
  if constexpr (kAdds<Fold>) {
    auto sum = std::bit_cast<NumbersOf<Fold>>(older);
    const auto more = std::bit_cast<NumbersOf<Fold>>(newer);
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += more[n];
    return std::bit_cast<typename Fold::Value>(sum);
  } else {
    return fold.join(older, newer);
  }
}

}  // namespace sentio
