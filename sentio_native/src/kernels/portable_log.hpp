// Natural logarithms from +, -, *, / alone: the same bits on every machine, within 2 ulp.
#pragma once

#include <bit>
#include <cstdint>

namespace sentio {

// log(a / b), where a / b is a positive number from 2^-1022 to 2^1022.
//
// a / b = 2^k m with m in [sqrt(1/2), sqrt(2)), as near as the quotient's rounding tells; with a' = 2^-k a
// and s = (a' - b) / (a' + b), log m = 2 atanh s = 2 (s + s^3/3 + s^5/5 + ...). |s| < 0.1716, so that the
// terms up to s^23 leave less than 2^-58 of the value. a' - b is exact (Sterbenz), which m - 1 is not: the
// rounding of a quotient near 1 is all there is of a small return.
[[nodiscard]] inline double log_quotient(double a, double b) noexcept {
  constexpr std::uint64_t kSqrtHalf = 0x3FE6A09E667F3BCD;
  // ln 2 in two parts; the first has 21 trailing zero bits, so that k times it is exact (Cody and Waite).
  constexpr double kLn2High = 0x1.62e42feep-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const auto bits = std::bit_cast<std::uint64_t>(a / b);
  // k + 1023, which is positive: it is shifted and converted as processors can in vectors, too.
  const std::uint64_t biased = (bits - kSqrtHalf + (std::uint64_t{1023} << 52)) >> 52;
  const double near_b = a * std::bit_cast<double>((2046 - biased) << 52);
  const double s = (near_b - b) / (near_b + b);
  const double z = s * s;
  double series = 2.0 / 23;
  series = series * z + 2.0 / 21;
  series = series * z + 2.0 / 19;
  series = series * z + 2.0 / 17;
  series = series * z + 2.0 / 15;
  series = series * z + 2.0 / 13;
  series = series * z + 2.0 / 11;
  series = series * z + 2.0 / 9;
  series = series * z + 2.0 / 7;
  series = series * z + 2.0 / 5;
  series = series * z + 2.0 / 3;
  const double exponent = std::bit_cast<double>(0x4330000000000000 | biased) - (0x1p52 + 1023.0);
  return exponent * kLn2High + (2.0 * s + (s * z * series + exponent * kLn2Low));
}

// Of a number from 2^-1022 to 2^1022.
[[nodiscard]] inline double portable_log(double x) noexcept {
  return log_quotient(x, 1.0);
}

// log(a / b), and 0 where that ratio is none that log_quotient takes. Prices always have one; volumes and
// features may be zero or negative.
[[nodiscard]] inline double log_ratio(double a, double b) noexcept {
  const double ratio = a / b;
  return ratio >= 0x1p-1022 && ratio <= 0x1p1022 ? log_quotient(a, b) : 0.0;
}

}  // namespace sentio
