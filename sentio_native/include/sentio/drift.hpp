// Drift: how live features lie against the rows that a model was trained on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sentio/bundle.hpp"
#include "sentio/export.hpp"

namespace sentio {

// The rows of one feature that were counted.
struct FeatureDrift {
  std::int64_t rows = 0;
  // Of them, in each tenth of the training rows: bounded by the deciles, as FeatureRange::counts.
  std::array<std::int64_t, 10> bins{};
  // Of them, outside of the training rows' range. The bins at the ends hold these, too.
  std::int64_t below_min = 0, above_max = 0;
  // Both as a share of the rows; NaN before the first.
  double out_of_range = std::numeric_limits<double>::quiet_NaN();
  // The population stability index, 0 where nothing has moved: the sum over the bins of (q - p) log(q / p),
  // with p the bin's share of the training rows and q that of these. Equal deciles bound one bin. Half a row
  // is added to each bin, so that an empty one is no infinity (Jeffreys' prior). NaN before the first row.
  double psi = std::numeric_limits<double>::quiet_NaN();
};

// Counters for each feature.
class SENTIO_API Drift {
 public:
  // Against those ranges, which must outlive it.
  explicit Drift(std::span<const FeatureRange> ranges);

  // Count a row [F], all finite. The same work for every row: no branch, nothing allocated.
  void count(std::span<const float> row) noexcept;
  void reset() noexcept;

  [[nodiscard]] std::size_t width() const noexcept { return ranges_.size(); }
  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
  // Of the feature at that place, which must be below width(). Allocates nothing.
  [[nodiscard]] FeatureDrift feature(std::size_t place) const noexcept;

 private:
  friend class Session;  // saves and restores the counters

  std::span<const FeatureRange> ranges_;
  std::vector<float> edges_;          // [11, F]: min, the deciles, max
  std::vector<std::int64_t> counts_;  // [F, 12]: below min, the bins within the range, above max
  std::vector<std::int32_t> cells_;   // [F], of the row at hand
  std::int64_t rows_ = 0;
};

}  // namespace sentio
