// Elementary functions from +, -, * and / alone: the same bits on every machine, within two last places, the
// normal law within eight.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sentio {

inline constexpr double kPi = 0x1.921fb54442d18p1;

// Horner's rule, the highest power's coefficient first.
template <std::size_t kTerms>
[[nodiscard]] inline double polynomial(const std::array<double, kTerms>& coefficients, double x) noexcept {
  double value = coefficients[0];
  for (std::size_t k = 1; k < kTerms; ++k) value = value * x + coefficients[k];
  return value;
}

// The nearest whole number, of |x| below 2^51: adding 1.5 times 2^52 leaves no place for a fraction.
[[nodiscard]] inline double nearest_whole(double x) noexcept {
  constexpr double kRound = 0x1.8p52;
  return x + kRound - kRound;
}

// exp(x + low), where |low| is at most a last place of x; 0 where that is below the normal numbers. x at most
// 709.
//
// x = k ln 2 + r with |r| < 0.35 (Cody and Waite, Software Manual for the Elementary Functions, 1980); the
// Taylor series up to r^13 leaves less than 2^-57 of the value.
[[nodiscard]] inline double portable_exp(double x, double low = 0.0) noexcept {
  if (x < -708.0) return 0.0;
  // ln 2 in two parts; the first has 21 trailing zero bits, so that k times it is exact.
  constexpr double kLn2High = 0x1.62e42feep-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double k = nearest_whole(x * 0x1.71547652b82fep0);
  const double high = x - k * kLn2High;
  const double r = high + (low - k * kLn2Low);
  static constexpr std::array<double, 12> kSeries = {
      1.0 / 6'227'020'800, 1.0 / 479'001'600, 1.0 / 39'916'800, 1.0 / 3'628'800, 1.0 / 362'880, 1.0 / 40'320,
      1.0 / 5'040,         1.0 / 720,         1.0 / 120,        1.0 / 24,        1.0 / 6,       1.0 / 2};
  const double value = 1.0 + (r + r * r * polynomial(kSeries, r));
  const auto exponent = static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023);
  return value * std::bit_cast<double>(exponent << 52);
}

// The angle of which `x` is the tangent, in radians; x may be infinite.
//
// With c the nearest eighth to |x|, or to 1/|x| where that is smaller, atan c is looked up, and what is left
// is atan((x - c) / (1 + c x)), of which the series up to t^13 leaves less than 2^-60 (Tang, Table-lookup
// algorithms for elementary functions and their error analysis, 1991).
[[nodiscard]] inline double portable_atan(double x) noexcept {
  struct Parts {
    double high, low;
  };
  // atan(k / 8), what a double holds and what is left.
  static constexpr std::array<Parts, 9> kEighths = {{
      {0.0, 0.0},
      {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
      {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
      {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
      {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
      {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
      {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
      {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
      {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55},
  }};
  static constexpr std::array<double, 6> kSeries = {-1.0 / 13, 1.0 / 11, -1.0 / 9,
                                                    1.0 / 7,   -1.0 / 5, 1.0 / 3};
  const double magnitude = x < 0.0 ? -x : x;
  const double size = magnitude < 0x1p60 ? magnitude : 0x1p60;  // from there on a right angle
  const bool steep = size > 1.0;
  const double eighths = nearest_whole(steep ? 8.0 / size : 8.0 * size);
  const double c = eighths / 8.0;
  const double t = steep ? (1.0 - c * size) / (size + c) : (size - c) / (1.0 + c * size);
  const double z = t * t;
  const double rest = t - t * z * polynomial(kSeries, z);
  const Parts& known = kEighths[static_cast<std::size_t>(eighths)];
  constexpr Parts kRight = {kPi / 2.0, 0x1.1a62633145c07p-54};
  const double angle = steep ? (kRight.high - known.high) + ((kRight.low - known.low) - rest)
                             : known.high + (known.low + rest);
  return x < 0.0 ? -angle : angle;
}

// An angle less the nearest quarter turns, as a sum of two, and how many those were, modulo 4.
struct ReducedAngle {
  double high, low;
  unsigned quarters;
};

// |x| at most 2^20. Half of pi in three parts, of which the first two have 20 trailing zero bits, so that
// k times them is exact (Cody and Waite 1980): what is left near a multiple of it keeps all digits.
[[nodiscard]] inline ReducedAngle reduced_angle(double x) noexcept {
  constexpr double kHigh = 0x1.921fb544p0, kMiddle = 0x1.0b4611a6p-34, kLow = 0x1.3198a2e037073p-69;
  const double k = nearest_whole(x * 0x1.45f306dc9c883p-1);
  const double near = x - k * kHigh;
  const double second = k * kMiddle;
  const double difference = near - second;
  const double back = difference + second;
  const double lost = (near - back) + ((back - difference) - second);
  const double left = lost - k * kLow;
  const double high = difference + left;
  return {high, (difference - high) + left, static_cast<unsigned>(static_cast<std::int64_t>(k) & 3)};
}

// Sine and cosine of high + low, |high| < 0.8, by Taylor's series; the first terms take the low part and the
// roundings along.
[[nodiscard]] inline double sine_series(double high, double low) noexcept {
  const double z = high * high;
  static constexpr std::array<double, 8> kSeries = {-1.0 / 355'687'428'096'000,
                                                    1.0 / 1'307'674'368'000,
                                                    -1.0 / 6'227'020'800,
                                                    1.0 / 39'916'800,
                                                    -1.0 / 362'880,
                                                    1.0 / 5'040,
                                                    -1.0 / 120,
                                                    1.0 / 6};
  return high + (low * (1.0 - 0.5 * z) - high * z * polynomial(kSeries, z));
}

[[nodiscard]] inline double cosine_series(double high, double low) noexcept {
  const double z = high * high;
  static constexpr std::array<double, 7> kSeries = {1.0 / 20'922'789'888'000,
                                                    -1.0 / 87'178'291'200,
                                                    1.0 / 479'001'600,
                                                    -1.0 / 3'628'800,
                                                    1.0 / 40'320,
                                                    -1.0 / 720,
                                                    1.0 / 24};
  const double half = 0.5 * z, most = 1.0 - half;
  return most + (((1.0 - most) - half) + (z * z * polynomial(kSeries, z) - high * low));
}

// Of |x| at most 2^20.
[[nodiscard]] inline double portable_sin(double x) noexcept {
  const ReducedAngle angle = reduced_angle(x);
  const double value =
      angle.quarters % 2 == 0 ? sine_series(angle.high, angle.low) : cosine_series(angle.high, angle.low);
  return angle.quarters < 2 ? value : -value;
}

[[nodiscard]] inline double portable_cos(double x) noexcept {
  const ReducedAngle angle = reduced_angle(x);
  const double value =
      angle.quarters % 2 == 0 ? cosine_series(angle.high, angle.low) : sine_series(angle.high, angle.low);
  return angle.quarters == 0 || angle.quarters == 3 ? value : -value;
}

// The standard normal law's probability of a value below x, by the rational approximations of Cody, Rational
// Chebyshev approximations for the error function (1969), in the form of his ANORM (Algorithm 715, 1993).
[[nodiscard]] inline double normal_cdf(double x) noexcept {
  static constexpr std::array<double, 5> kMiddle = {0.065682337918207449113, 2.2352520354606839287,
                                                    161.02823106855587881, 1067.6894854603709582,
                                                    18154.981253343561249};
  static constexpr std::array<double, 5> kMiddleBelow = {1.0, 47.20258190468824187, 976.09855173777669322,
                                                         10260.932208618978205, 45507.789335026729956};
  static constexpr std::array<double, 9> kTail = {
      1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412,
      93.506656132177855979,    597.27027639480026226,  2494.5375852903726711,
      6848.1904505362823326,    11602.651437647350124,  9842.7148383839780218};
  static constexpr std::array<double, 9> kTailBelow = {1.0,
                                                       22.266688044328115691,
                                                       235.38790178262499861,
                                                       1519.377599407554805,
                                                       6485.558298266760755,
                                                       18615.571640885098091,
                                                       34900.952721145977266,
                                                       38912.003286093271411,
                                                       19685.429676859990727};
  static constexpr std::array<double, 6> kFar = {0.02307344176494017303,  0.21589853405795699,
                                                 0.1274011611602473639,   0.022235277870649807,
                                                 0.001421619193227893466, 2.9112874951168792e-5};
  static constexpr std::array<double, 6> kFarBelow = {1.0,
                                                      1.28426009614491121,
                                                      0.468238212480865118,
                                                      0.0659881378689285515,
                                                      0.00378239633202758244,
                                                      7.29751555083966205e-5};
  const double size = x < 0.0 ? -x : x;
  if (size <= 0.67448975) {
    const double square = x * x;
    return 0.5 + x * polynomial(kMiddle, square) / polynomial(kMiddleBelow, square);
  }
  double ratio = 0.0;  // the tail over exp(-x^2 / 2)
  if (size <= 0x1.6a09e667f3bcdp2) {
    ratio = polynomial(kTail, size) / polynomial(kTailBelow, size);
  } else {
    constexpr double kRootOfTwoPi = 0x1.40d931ff62706p1;
    const double inverse = 1.0 / (size * size);
    ratio =
        (1.0 / kRootOfTwoPi - inverse * polynomial(kFar, inverse) / polynomial(kFarBelow, inverse)) / size;
  }
  // x^2 in two parts, since its last place is many of its exponential's: the upper half of x's digits has an
  // exact square.
  const double upper = std::bit_cast<double>(std::bit_cast<std::uint64_t>(size) & ~std::uint64_t{0x7FFFFFF});
  const double tail = portable_exp(-0.5 * (upper * upper), -0.5 * ((size - upper) * (size + upper))) * ratio;
  return x < 0.0 ? tail : 1.0 - tail;
}

}  // namespace sentio
