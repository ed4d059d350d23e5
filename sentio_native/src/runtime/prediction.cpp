// From raw outputs to probabilities.
#include "sentio/prediction.hpp"

#include <cmath>

namespace sentio {

std::optional<double> Prediction::probability() const noexcept {
  switch (kind) {
    case OutputKind::logit:
      return 1.0 / (1.0 + std::exp(-value));
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
