// The arithmetic of a dense network: the same bits on every machine, and in every width of vectors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sentio {

enum class LayerKind : std::uint8_t { linear, gelu, relu, sigmoid, tanh };

// "linear", "gelu", ...
[[nodiscard]] std::string_view describe(LayerKind kind) noexcept;

// Outputs are computed in blocks of so many, the last one padded to a multiple of kDenseLanes.
inline constexpr std::size_t kDenseBlock = 64;
inline constexpr std::size_t kDenseLanes = 8;

[[nodiscard]] constexpr std::size_t padded_outputs(std::size_t count) noexcept {
  return (count + kDenseLanes - 1) / kDenseLanes * kDenseLanes;
}

// An odd function as x P(x^2) / Q(x^2) in double, the highest power's coefficient first; `limit` with the
// sign of x from |x| = `from` on. Minimax fits (linearised least squares, reweighted after Lawson 1961) of
// relative error below 3e-9, a twentieth of a float's last place; no coefficient of Q is negative, so there
// is no pole.
struct OddRational {
  std::array<double, 7> above;
  std::array<double, 6> below;
  double from, limit;
};

// The normal law's probability of a value below x, less a half.
inline constexpr OddRational kNormalCdfLessHalf = {
    {-0x1.4ccc585443da2p-34, 0x1.c5b181c6b69d9p-25, 0x1.1c20eec41501dp-17, 0x1.65cea5f636535p-13,
     0x1.3b1e2efff073ep-8, 0x1.0c36403be512bp-5, 0x1.9884534d4d34ep-2},
    {0x1.0c82c8e595cabp-19, 0x1.58a07a5f9ce34p-14, 0x1.fbca5d5bf6fd3p-10, 0x1.d3150aa307ffbp-6,
     0x1.fd690ad83d6a9p-3, 1.0},
    6.0,
    0.5};

inline constexpr OddRational kTanh = {
    {-0x1.688fb87880369p-46, 0x1.8ae7b39b426e7p-34, 0x1.5b68fdc0c7379p-23, 0x1.9eaf013f92bd8p-15,
     0x1.32d7450fd3faep-8, 0x1.249921bd850fap-3, 0x1.fffffffffc0b0p-1},
    {0x1.67bbc6cb60ac9p-28, 0x1.be57b8a75a6c2p-19, 0x1.2134b2f5ba59bp-11, 0x1.ece21485e6183p-6,
     0x1.e7a1e633b82a6p-2, 1.0},
    9.1,
    1.0};

struct DenseLayers {
  std::string_view instruction_set;

  // out[o] = (... (bias[o] + w[0][o] x[0]) + w[1][o] x[1] ...), each product and each sum rounded to float:
  // the order of additions is that of the inputs, whatever the width of the vectors.
  // `weights` holds, for each block of outputs, a row of that block for each input. `bias`, `out` and the
  // blocks are padded to kDenseLanes.
  void (*linear)(const float* x, std::size_t inputs, const float* weights, const float* bias, float* out,
                 std::size_t outputs) noexcept;

  // In place; `count` is a multiple of kDenseLanes.
  void (*gelu)(float* values, std::size_t count) noexcept;  // x Phi(x), exact form
  void (*relu)(float* values, std::size_t count) noexcept;
  void (*tanh)(float* values, std::size_t count) noexcept;
};

// 1 / (1 + exp(-x)) in place, by portable_exp in double, rounded once: within half a float's last place and
// little more, however small. It stands behind the last layer, so it is not worth vectors.
void sigmoid(std::span<float> values) noexcept;

// All that this build has and this processor can run, the best first.
[[nodiscard]] std::vector<const DenseLayers*> usable_dense_layers();

// Those of this processor; the environment's SENTIO_ISA chooses as for the engine's row loops.
[[nodiscard]] const DenseLayers& dense_layers();

}  // namespace sentio
