// What a model says at the close of a bar.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sentio/bundle.hpp"
#include "sentio/export.hpp"

namespace sentio {

// A number for each output of a model, in the place itself: copying allocates nothing.
class SENTIO_API Outputs {
 public:
  Outputs() = default;
  // Of at most kMostOutputs values.
  explicit Outputs(std::span<const float> values) noexcept : size_(values.size()) {
    std::copy(values.begin(), values.end(), values_.begin());
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] double operator[](std::size_t k) const noexcept { return values_[k]; }
  [[nodiscard]] std::span<const double> span() const noexcept { return {values_.data(), size_}; }
  [[nodiscard]] std::span<double> span() noexcept { return {values_.data(), size_}; }

 private:
  std::array<double, kMostOutputs> values_{};
  std::size_t size_ = 0;
};

// The texts and names are the bundle's, and live as long as it does.
struct SENTIO_API Prediction {
  double value = 0;  // raw: a logit, a probability, or a return in the label's unit; NaN for classes
  OutputKind kind = OutputKind::logit;
  std::int64_t horizon = 1;     // bars that the value looks ahead
  std::int64_t bar_ts = 0;      // open of the bar after whose close it was made
  std::string_view model_id{};  // of the bundle's manifest
  std::string_view version{};
  std::string_view bundle_id{};            // 64 hex digits: which files exactly
  Outputs values{};                        // raw, all of them: `value` alone, or a logit for each class
  std::span<const std::string> classes{};  // their names, in that order; empty where the kind is another

  // Of a rise; none where the value is a return, and for classes.
  [[nodiscard]] std::optional<double> probability() const noexcept;
  // Of each class by softmax; empty where the kind is another.
  [[nodiscard]] Outputs probabilities() const noexcept;
};

}  // namespace sentio
