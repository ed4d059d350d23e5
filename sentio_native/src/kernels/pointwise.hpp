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
  Pointwise(Formula formula, std::size_t inputs) : formula_(std::move(formula)), inputs_(inputs) {}
  void run(const Block& block) noexcept override {
    if (block.size == 1 && block.lanes == 1) {  // no loop to set up
      *block.out[0] = formula_(block.in, 0);
    } else {
      run_lanes(block);
    }
  }

 private:
  void run_lanes(const Block& block) noexcept {
    const Formula formula = formula_;
    const double* const* in = block.in;
    for (std::size_t lane = 0; lane < block.lanes; ++lane, in += inputs_) {
      double* out = block.out[lane];
      if (block.size == 1) {
        *out = formula(in, 0);
        continue;
      }
      in_vectors(block.size, [&] {
        SENTIO_INDEPENDENT_ROWS
        for (std::ptrdiff_t i = 0; i < block.size; ++i) out[i] = formula(in, i);
      });
    }
  }

  Formula formula_;
  std::size_t inputs_;
};

// `name`, `params` and `lag` must determine the formula: they are the node's identity.
template <class Formula>
NodeRef pointwise(GraphBuilder& graph, std::string name, std::vector<NodeRef> inputs, Formula formula,
                  Lag lag = 0, std::vector<double> params = {}) {
  for (const std::int64_t rows : lag.rows()) params.push_back(static_cast<double>(rows));
  KernelMaker maker = [formula, count = inputs.size()] {
    return std::make_unique<Pointwise<Formula>>(formula, count);
  };
  maker.forgets = true;
  return graph.add({std::move(name), std::move(params), std::move(inputs)}, {.lag = std::move(lag)},
                   std::move(maker));
}

}  // namespace sentio
