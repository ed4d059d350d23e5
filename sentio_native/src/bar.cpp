// The contract of a bar.
#include "sentio/bar.hpp"

namespace sentio {
namespace {

// Written so that NaN fails.
bool inside(double value, double low, double high) noexcept {
  return value >= low && value <= high;
}

}  // namespace

BarFault check_bar(const Bar& bar) noexcept {
  for (const double price : {bar.open, bar.high, bar.low, bar.close}) {
    if (!inside(price, kMinPrice, kMaxPrice)) return BarFault::price_range;
  }
  if (!inside(bar.open, bar.low, bar.high) || !inside(bar.close, bar.low, bar.high))
    return BarFault::high_low;
  if (!inside(bar.volume, 0.0, kMaxVolume)) return BarFault::volume_range;
  return BarFault::none;
}

std::int64_t epoch_unit(std::int64_t epoch) noexcept {
  const auto below = [epoch](std::int64_t bound) { return epoch < bound && epoch > -bound; };
  if (below(100'000'000'000)) return 1'000'000'000;
  if (below(100'000'000'000'000)) return 1'000'000;
  if (below(100'000'000'000'000'000)) return 1'000;
  return 1;
}

std::string_view describe(BarFault fault) noexcept {
  switch (fault) {
    case BarFault::none:
      return "nothing is wrong";
    case BarFault::not_later:
      return "its time is not later than the bar before";
    case BarFault::price_range:
      return "a price is not a number within [1e-12, 1e12]";
    case BarFault::high_low:
      return "high and low do not contain open and close";
    case BarFault::volume_range:
      return "the volume is not a number within [0, 1e18]";
  }
  return "unknown fault";
}

}  // namespace sentio
