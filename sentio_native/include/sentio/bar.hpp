// A bar, columns of bars, and the contract that every bar must keep before the engine looks at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sentio/export.hpp"

namespace sentio {

// One OHLCV bar. `ts` is the bar's open, in nanoseconds since 1970 UTC; the bar is known at its close.
struct Bar {
  std::int64_t ts;
  double open, high, low, close, volume;
};

// Borrowed columns of equal length, oldest bar first.
struct BarColumns {
  std::span<const std::int64_t> ts;
  std::span<const double> open, high, low, close, volume;

  [[nodiscard]] std::size_t size() const noexcept { return ts.size(); }
  [[nodiscard]] Bar operator[](std::size_t i) const noexcept {
    return {ts[i], open[i], high[i], low[i], close[i], volume[i]};
  }
  [[nodiscard]] BarColumns slice(std::size_t first, std::size_t count) const noexcept {
    return {ts.subspan(first, count),  open.subspan(first, count),  high.subspan(first, count),
            low.subspan(first, count), close.subspan(first, count), volume.subspan(first, count)};
  }
};

// Wide enough for any market, narrow enough that no kernel overflows a double or an output a float.
inline constexpr double kMinPrice = 1e-12;
inline constexpr double kMaxPrice = 1e12;
inline constexpr double kMaxVolume = 1e18;

enum class BarFault : std::uint8_t {
  none,
  not_later,     // ts is not later than the bar before
  price_range,   // a price is NaN, infinite or outside [kMinPrice, kMaxPrice]
  high_low,      // high and low do not contain open and close
  volume_range,  // the volume is NaN, negative or above kMaxVolume
};

// What is wrong with `bar` by itself; time order is the engine's to check.
[[nodiscard]] SENTIO_API BarFault check_bar(const Bar& bar) noexcept;

// Nanoseconds in the unit of an epoch time, told by its magnitude: between 1973 and 5138, seconds are below
// 1e11, milliseconds below 1e14, microseconds below 1e17.
[[nodiscard]] SENTIO_API std::int64_t epoch_unit(std::int64_t epoch) noexcept;

// The fault in words, e.g. "high and low do not contain open and close".
[[nodiscard]] SENTIO_API std::string_view describe(BarFault fault) noexcept;

}  // namespace sentio
