// How often which latency was seen, in memory that does not grow.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace sentio {

// Buckets as of HdrHistogram (G. Tene, hdrhistogram.org): up to 255 ns one bucket a nanosecond; beyond, each
// doubling is cut into 128 equal ones, so that a bucket is never wider than 1/128, 0.8 %, of what is in it.
class LatencyHistogram {
 public:
  // Negative ones, of a clock that was set back, count as 0.
  void add(std::int64_t nanoseconds) noexcept {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
    ++counts_[bucket_of(value)];
    ++count_;
    most_ = std::max(most_, value);
  }

  [[nodiscard]] std::int64_t count() const noexcept { return count_; }
  // To the nanosecond; 0 where there is none.
  [[nodiscard]] std::int64_t most() const noexcept { return static_cast<std::int64_t>(most_); }

  // The upper end of the bucket of the smallest latency that at least the share `q` of all do not exceed
  // (nearest rank): never less than that latency, and less than 0.8 % more. count() must not be 0.
  [[nodiscard]] std::int64_t quantile(double q) const noexcept {
    const auto rank =
        std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(q * static_cast<double>(count_))), 1);
    std::int64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
      seen += counts_[bucket];
      if (seen >= rank) return static_cast<std::int64_t>(std::min(upper_end(bucket), most_));
    }
    return most();
  }

 private:
  static constexpr int kBits = 7;  // a doubling has 2^7 buckets
  static constexpr std::uint64_t kPerDoubling = std::uint64_t{1} << kBits;
  static constexpr std::size_t kBuckets = (64 - kBits) * kPerDoubling;  // 57 KiB hold all of int64

  // By how many bits a value is shifted so that 128 to 255 remain; smaller values are their own bucket.
  static constexpr std::size_t bucket_of(std::uint64_t value) noexcept {
    const int shift = std::max(static_cast<int>(std::bit_width(value)) - kBits - 1, 0);
    return static_cast<std::size_t>(shift) * kPerDoubling + static_cast<std::size_t>(value >> shift);
  }
  static constexpr std::uint64_t upper_end(std::size_t bucket) noexcept {
    if (bucket < 2 * kPerDoubling) return bucket;
    const std::uint64_t shift = bucket / kPerDoubling - 1;
    return ((bucket - shift * kPerDoubling + 1) << shift) - 1;
  }

  std::array<std::int64_t, kBuckets> counts_{};
  std::int64_t count_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace sentio
