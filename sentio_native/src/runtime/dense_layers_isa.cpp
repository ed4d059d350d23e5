// The dense layers, compiled once for each instruction set, into a namespace of its own. Nothing here may
// depend on the instruction set but the speed: only +, -, *, /, comparisons and moves.
#include "kernels/isa_vectors.hpp"
#include "runtime/dense_layers.hpp"

namespace sentio::SENTIO_ISA {
namespace {

// `groups` times kDenseLanes outputs, whose sums stay in registers.
template <std::size_t groups>
void linear_block(const float* x, std::size_t inputs, const float* weights, const float* bias,
                  float* out) noexcept {
  Float8 sum[groups];
  for (std::size_t g = 0; g < groups; ++g) sum[g] = load<Float8>(bias + kDenseLanes * g);
  for (std::size_t i = 0; i < inputs; ++i) {
    const float value = x[i];
    const Float8 input = {value, value, value, value, value, value, value, value};
    for (std::size_t g = 0; g < groups; ++g) sum[g] += load<Float8>(weights + kDenseLanes * g) * input;
    weights += kDenseLanes * groups;
  }
  for (std::size_t g = 0; g < groups; ++g) store(out + kDenseLanes * g, sum[g]);
}

void linear(const float* x, std::size_t inputs, const float* weights, const float* bias, float* out,
            std::size_t outputs) noexcept {
  using Block = void (*)(const float*, std::size_t, const float*, const float*, float*) noexcept;
  static constexpr Block kBlocks[] = {&linear_block<1>, &linear_block<2>, &linear_block<3>, &linear_block<4>,
                                      &linear_block<5>, &linear_block<6>, &linear_block<7>, &linear_block<8>};
  static_assert(std::size(kBlocks) * kDenseLanes == kDenseBlock);
  for (std::size_t first = 0; first < outputs; first += kDenseBlock) {
    const std::size_t rest = padded_outputs(outputs - first);
    const std::size_t count = rest < kDenseBlock ? rest : kDenseBlock;
    kBlocks[count / kDenseLanes - 1](x, inputs, weights + first * inputs, bias + first, out + first);
  }
}

template <std::size_t terms>
inline Double4 polynomial(const std::array<double, terms>& coefficients, Double4 x) noexcept {
  Double4 value = x * coefficients[0] + coefficients[1];
  for (std::size_t k = 2; k < terms; ++k) value = value * x + coefficients[k];
  return value;
}

inline Double4 evaluate(const OddRational& function, Double4 x) noexcept {
  const Double4 square = x * x;
  const Double4 value = x * polynomial(function.above, square) / polynomial(function.below, square);
  const Double4 limit = {function.limit, function.limit, function.limit, function.limit};
  const Double4 upper = x >= function.from ? limit : value;
  return x <= -function.from ? -limit : upper;
}

void gelu(float* values, std::size_t count) noexcept {
  for (std::size_t k = 0; k < count; k += 4) {
    const auto x = __builtin_convertvector(load<Float4>(values + k), Double4);
    store(values + k, __builtin_convertvector(x * (0.5 + evaluate(kNormalCdfLessHalf, x)), Float4));
  }
}

void tanh(float* values, std::size_t count) noexcept {
  for (std::size_t k = 0; k < count; k += 4) {
    const auto x = __builtin_convertvector(load<Float4>(values + k), Double4);
    store(values + k, __builtin_convertvector(evaluate(kTanh, x), Float4));
  }
}

void relu(float* values, std::size_t count) noexcept {
  for (std::size_t k = 0; k < count; ++k) values[k] = values[k] < 0.0F ? 0.0F : values[k];  // NaN stays
}

}  // namespace

extern const DenseLayers kDenseLayers;
constexpr DenseLayers kDenseLayers = {SENTIO_ISA_NAME, &linear, &gelu, &relu, &tanh};

}  // namespace sentio::SENTIO_ISA
