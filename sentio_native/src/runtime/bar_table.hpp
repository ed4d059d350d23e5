// Columns of bars that somebody owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sentio/bar.hpp"

namespace sentio {

struct BarTable {
  std::vector<std::int64_t> ts;
  std::vector<double> open, high, low, close, volume;

  // `values` is [N, 5] row-major: open, high, low, close, volume, as bars.npy has them.
  [[nodiscard]] static BarTable from_rows(std::span<const std::int64_t> ts, std::span<const double> values) {
    BarTable table;
    for (std::size_t i = 0; i < ts.size(); ++i) {
      const auto row = values.subspan(5 * i, 5);
      table.push_back({ts[i], row[0], row[1], row[2], row[3], row[4]});
    }
    return table;
  }

  void push_back(const Bar& bar) {
    ts.push_back(bar.ts);
    open.push_back(bar.open);
    high.push_back(bar.high);
    low.push_back(bar.low);
    close.push_back(bar.close);
    volume.push_back(bar.volume);
  }

  [[nodiscard]] std::size_t size() const noexcept { return ts.size(); }
  [[nodiscard]] BarColumns columns() const noexcept { return {ts, open, high, low, close, volume}; }
  [[nodiscard]] Bar operator[](std::size_t i) const noexcept { return columns()[i]; }
};

}  // namespace sentio
