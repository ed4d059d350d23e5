// A node whose value at a row is a formula of its inputs' last few rows.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "kernels/in_vectors.hpp"

namespace sentio {

// Formula: double(const double* const* in, std::ptrdiff_t i); it may read in[k][i - lag .. i], with the lag
// of input k.
template <class Formula>
class Pointwise final : public Kernel {
 public:
  explicit Pointwise(Formula formula) : formula_(std::move(formula)) {}
  void run(const Block& block) noexcept override {
    const Formula formula = formula_;
    double* out = block.out[0];
    in_vectors(block.size, [&] {
      SENTIO_INDEPENDENT_ROWS
      for (std::ptrdiff_t i = 0; i < block.size; ++i) out[i] = formula(block.in, i);
    });
  }

 private:
  Formula formula_;
};

// `name`, `params` and `lag` must determine the formula: they are the node's identity.
template <class Formula>
NodeRef pointwise(GraphBuilder& graph, std::string name, std::vector<NodeRef> inputs, Formula formula,
                  Lag lag = 0, std::vector<double> params = {}) {
  for (const std::int64_t rows : lag.rows()) params.push_back(static_cast<double>(rows));
  return graph.add({std::move(name), std::move(params), std::move(inputs)}, {.lag = std::move(lag)},
                   [formula] { return std::make_unique<Pointwise<Formula>>(formula); });
}

}  // namespace sentio
