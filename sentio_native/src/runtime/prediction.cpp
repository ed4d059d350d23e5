// From raw outputs to probabilities.
#include "sentio/prediction.hpp"

#include <cmath>

namespace sentio {
namespace {

// As sentio.Prediction has it, to the bit: a probability at a threshold is on the same side of it everywhere.
double sigmoid(double value) noexcept {
  const double small = std::exp(-std::fabs(value));  // which does not overflow
  return (value < 0.0 ? small : 1.0) / (1.0 + small);
}

}  // namespace

std::optional<double> Prediction::probability() const noexcept {
  switch (kind) {
    case OutputKind::logit:
      return sigmoid(value);
    case OutputKind::probability:
      return value;
    case OutputKind::forward_return:
    case OutputKind::classes:
      break;
  }
  return std::nullopt;
}

Outputs Prediction::probabilities() const noexcept {
  if (kind != OutputKind::classes) return {};
  Outputs shares = values;
  const auto logits = values.span();
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& share : shares.span()) sum += share = std::exp(share - largest);
  for (double& share : shares.span()) share /= sum;
  return shares;
}

}  // namespace sentio
