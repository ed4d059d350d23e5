// A sum of any number of values that is as exact after 100 million of them as after 100.
#pragma once

#include "state_archive.hpp"

namespace sentio {

// Carries what each addition rounds away in a second double (Knuth's two-sum; Neumaier 1974).
class CompensatedSum {
 public:
  void add(double x) noexcept {
    const double sum = sum_ + x;
    const double added = sum - sum_;
    lost_ += (sum_ - (sum - added)) + (x - added);
    sum_ = sum;
  }
  [[nodiscard]] double value() const noexcept { return sum_ + lost_; }
  void state(StateArchive& archive) {
    archive(sum_);
    archive(lost_);
  }

 private:
  double sum_ = 0;
  double lost_ = 0;
};

}  // namespace sentio
