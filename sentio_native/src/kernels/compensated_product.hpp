// A product of any number of ratios that is as exact after 100 million of them as after 100.
#pragma once

#include "state_archive.hpp"

namespace sentio {

// Carries what each step rounds away in a second double, which the products of halved digits tell without a
// fused multiply-add (Dekker, A floating-point technique for extending the available precision, 1971).
class CompensatedProduct {
 public:
  explicit CompensatedProduct(double start) : product_(start) {}

  // *= above / below, held within [least, 1 / least].
  void multiply(double above, double below, double least) noexcept {
    const double raised = product_ * above;
    const double ratio = raised / below;
    const double lowered = ratio * below;
    const double remainder = (raised - lowered) - rounded_away(ratio, below, lowered);
    const double lost = (lost_ * above + rounded_away(product_, above, raised) + remainder) / below;
    product_ = ratio + lost;
    lost_ = lost - (product_ - ratio);
    if (product_ < least) *this = CompensatedProduct(least);
    if (product_ > 1.0 / least) *this = CompensatedProduct(1.0 / least);
  }
  [[nodiscard]] double value() const noexcept { return product_; }
  void state(StateArchive& archive) {
    archive(product_);
    archive(lost_);
  }

 private:
  struct Halves {
    double high, low;
  };
  static Halves halves(double x) noexcept {
    const double wide = (0x1p27 + 1.0) * x;
    const double high = wide - (wide - x);
    return {high, x - high};
  }
  // a b - product, exactly.
  static double rounded_away(double a, double b, double product) noexcept {
    const Halves x = halves(a), y = halves(b);
    return ((x.high * y.high - product) + x.high * y.low + x.low * y.high) + x.low * y.low;
  }

  double product_;
  double lost_ = 0;
};

}  // namespace sentio
