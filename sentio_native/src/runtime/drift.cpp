// Counting live features by the deciles of training.
#include "sentio/drift.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sentio {
namespace {

constexpr std::size_t kEdges = 11;
constexpr std::size_t kCells = kEdges + 1;

double population_stability(const FeatureRange& range, const FeatureDrift& live) noexcept {
  const auto& deciles = range.deciles;
  const auto is_bin = [&](std::size_t k) {
    return k == 0 || k == deciles.size() || deciles[k - 1] < deciles[k];
  };
  double bins = 0, trained = 0;
  for (std::size_t k = 0; k < range.counts.size(); ++k) {
    if (!is_bin(k)) continue;
    ++bins;
    trained += static_cast<double>(range.counts[k]);
  }
  const auto share = [bins](std::int64_t count, double rows) {
    return (static_cast<double>(count) + 0.5) / (rows + 0.5 * bins);
  };
  double psi = 0;
  for (std::size_t k = 0; k < range.counts.size(); ++k) {
    if (!is_bin(k)) continue;
    const double p = share(range.counts[k], trained);
    const double q = share(live.bins[k], static_cast<double>(live.rows));
    psi += (q - p) * std::log(q / p);
  }
  return psi;
}

}  // namespace

Drift::Drift(std::span<const FeatureRange> ranges)
    : ranges_(ranges),
      edges_(kEdges * ranges.size()),
      counts_(kCells * ranges.size()),
      cells_(ranges.size()) {
  const std::size_t width = ranges.size();
  for (std::size_t f = 0; f < width; ++f) {
    edges_[f] = ranges[f].min;
    for (std::size_t k = 0; k < ranges[f].deciles.size(); ++k)
      edges_[(k + 1) * width + f] = ranges[f].deciles[k];
    edges_[(kEdges - 1) * width + f] = ranges[f].max;
  }
}

void Drift::count(std::span<const float> row) noexcept {
  const std::size_t width = cells_.size();
  const float* const edges = edges_.data();
  const float* const values = row.data();
  std::int32_t* const cells = cells_.data();
  // Feature by feature side by side, so that the comparisons run in vectors.
  for (std::size_t f = 0; f < width; ++f) {
    std::int32_t cell = values[f] >= edges[f] ? 1 : 0;
    for (std::size_t k = 1; k < kEdges; ++k) cell += values[f] > edges[k * width + f] ? 1 : 0;
    cells[f] = cell;
  }
  for (std::size_t f = 0; f < width; ++f) ++counts_[f * kCells + static_cast<std::size_t>(cells[f])];
  ++rows_;
}

void Drift::reset() noexcept {
  std::ranges::fill(counts_, 0);
  rows_ = 0;
}

FeatureDrift Drift::feature(std::size_t place) const noexcept {
  const auto cells = std::span(counts_).subspan(place * kCells, kCells);
  FeatureDrift drift{.rows = rows_, .below_min = cells.front(), .above_max = cells.back()};
  std::copy(cells.begin() + 1, cells.end() - 1, drift.bins.begin());
  drift.bins.front() += drift.below_min;
  drift.bins.back() += drift.above_max;
  if (rows_ == 0) return drift;
  drift.out_of_range = static_cast<double>(drift.below_min + drift.above_max) / static_cast<double>(rows_);
  drift.psi = population_stability(ranges_[place], drift);
  return drift;
}

}  // namespace sentio
