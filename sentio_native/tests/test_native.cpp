// The backend `native`: its arithmetic by its definition, the same bits in every width of vectors, and what
// it refuses.
#include <cmath>
#include <cstring>
#include <random>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/native_model.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

const LoadOptions kNative{.backend = "native"};

std::string first_failure(const Files& files) {
  const TemporaryFolder folder;
  seal(folder.path(), files);
  for (const Check& check : verify_bundle(folder.path(), kNative).checks) {
    if (!check.ok) return check.name;
  }
  return "none";
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::vector<float> draw(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(generator()) / 2147483648.0F - 1.0F;
  return values;
}

TEST(a_bundle_with_native_loads_without_libtorch_and_passes_every_check) {
  for (const BundleOptions& options :
       {BundleOptions{.native = true}, BundleOptions{.seq_len = 8, .kind = "return", .native = true}}) {
    CHECK_EQUAL(first_failure(make_bundle(options)), "none");
    const TemporaryFolder folder;
    seal(folder.path(), make_bundle(options));
    for (const LoadOptions& asked : {kNative, LoadOptions{}}) {
      const auto bundle = Bundle::load(folder.path(), asked);
      CHECK_EQUAL(bundle->manifest().backend, "native");
      const auto window = draw(bundle->manifest().window.size(), 1);
      float output = 0;
      bundle->model().run(window, {&output, 1});
      CHECK_EQUAL(output, SumModel::output(window));
      CHECK_THROWS(bad_argument, "B * T * F",
                   bundle->model().run(std::span(window).subspan(1), {&output, 1}));
    }
  }
}

TEST(a_network_of_classes_gives_a_row_for_each_window) {
  const Files files = make_bundle({.seq_len = 4, .kind = "classes", .native = true});
  CHECK_EQUAL(first_failure(files), "none");
  const TemporaryFolder folder;
  seal(folder.path(), files);
  const auto bundle = Bundle::load(folder.path());
  CHECK_EQUAL(bundle->manifest().n_outputs(), 3u);
  CHECK(bundle->manifest().classes == std::vector<std::string>({"down", "flat", "up"}));
  const std::size_t size = bundle->manifest().window.size();
  const auto windows = draw(5 * size, 6);
  std::vector<float> outputs(15), expected(3);
  bundle->model().run(windows, outputs);
  for (std::size_t k = 0; k < 5; ++k) {
    SumModel::answer(std::span(windows).subspan(k * size, size), "classes", expected);
    for (std::size_t c = 0; c < 3; ++c) CHECK_EQUAL(outputs[3 * k + c], expected[c]);
  }
  outputs.resize(14);
  CHECK_THROWS(bad_argument, "B * C", bundle->model().run(windows, outputs));
}

TEST(a_backend_that_the_bundle_does_not_hold_is_refused) {
  const TemporaryFolder folder;
  seal(folder.path(), make_bundle());
  CHECK_THROWS(unsupported, "'native' was asked for; the bundle holds the backends torchscript",
               (void)Bundle::load(folder.path(), kNative));
}

TEST(sums_are_added_in_the_order_of_the_inputs_whatever_the_vectors) {
  for (const DenseLayers* dense : usable_dense_layers()) {
    for (const std::size_t inputs : {1u, 2u, 55u, 130u}) {
      for (const std::size_t outputs : {1u, 7u, 8u, 9u, 63u, 64u, 65u, 128u, 200u}) {
        const auto x = draw(inputs, 2), weights = draw(inputs * outputs, 3), bias = draw(outputs, 4);
        // Written again from the definition: one window of F = inputs, scaled by nothing.
        std::vector<MadeTensor> tensors = sum_tensors(inputs, inputs);
        tensors[2] = {"layers.0.weight", {outputs, inputs}, weights};
        tensors[3] = {"layers.0.bias", {outputs}, bias};
        std::vector<float> blocks, padded = bias, found(padded_outputs(outputs));
        padded.resize(padded_outputs(outputs));
        for (std::size_t first = 0; first < padded.size(); first += kDenseBlock) {
          for (std::size_t i = 0; i < inputs; ++i) {
            for (std::size_t o = first; o < std::min(first + kDenseBlock, padded.size()); ++o) {
              blocks.push_back(o < outputs ? weights[o * inputs + i] : 0.0F);
            }
          }
        }
        dense->linear(x.data(), inputs, blocks.data(), padded.data(), found.data(), outputs);
        for (std::size_t o = 0; o < outputs; ++o) {
          float expected = bias[o];
          for (std::size_t i = 0; i < inputs; ++i) {
            const float product = weights[o * inputs + i] * x[i];
            expected += product;
          }
          CHECK_EQUAL(std::bit_cast<std::uint32_t>(found[o]), std::bit_cast<std::uint32_t>(expected));
        }
      }
    }
  }
}

TEST(activations_are_right_to_a_float_and_the_same_bits_in_every_instruction_set) {
  std::vector<float> x;
  for (double value = -12; value <= 12; value += 1.0 / 512) x.push_back(static_cast<float>(value + 1e-4));
  for (const float value : {0.0F, -0.0F, 1e-30F, -1e-30F, 6.0F, -6.0F, 9.1F, 1e30F, -1e30F})
    x.push_back(value);
  x.resize(x.size() / 8 * 8);
  for (const DenseLayers* dense : usable_dense_layers()) {
    std::vector<float> gelu = x, tanh = x, relu = x;
    dense->gelu(gelu.data(), gelu.size());
    dense->tanh(tanh.data(), tanh.size());
    dense->relu(relu.data(), relu.size());
    for (std::size_t k = 0; k < x.size(); ++k) {
      const long double wide = x[k];
      const long double exact = 0.5L * wide * std::erfc(-wide / std::sqrt(2.0L));
      // Half a last place of rounding, and the fit's error of 3e-9 of the greater of the two addends.
      const long double allowed =
          0x1p-24L * std::fabs(exact) + 3e-9L * std::max(1.0L, std::fabs(wide) * 0.5L);
      CHECK(std::fabs(gelu[k] - exact) <= (std::fabs(wide) < 12 ? allowed : 0x1p-24L * std::fabs(wide)));
      CHECK(std::fabs(tanh[k] - std::tanh(wide)) <= 0x1p-24L * 1.1L * std::fabs(std::tanh(wide)));
      CHECK_EQUAL(relu[k], x[k] < 0 ? 0 : x[k]);
    }
    const DenseLayers& plain = *usable_dense_layers().back();
    std::vector<float> gelu_plain = x, tanh_plain = x;
    plain.gelu(gelu_plain.data(), x.size());
    plain.tanh(tanh_plain.data(), x.size());
    CHECK(std::memcmp(gelu.data(), gelu_plain.data(), x.size() * sizeof(float)) == 0);
    CHECK(std::memcmp(tanh.data(), tanh_plain.data(), x.size() * sizeof(float)) == 0);
  }
}

TEST(a_sigmoid_is_right_to_a_float_and_stays_one_however_large_its_input) {
  std::vector<float> x = {0.0F, -0.0F, 1e-30F, -1e-30F, 3e38F, -3e38F, INFINITY, -INFINITY, 88.8F, -103.9F};
  for (double value = -104; value <= 104; value += 1.0 / 64) x.push_back(static_cast<float>(value + 1e-4));
  std::vector<float> found = x;
  sigmoid(found);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const long double wide = x[k];
    const long double exact = 1 / (1 + std::exp(-wide));
    // Half a float's last place, be it below the normal numbers, and the double's few in its 2^-53.
    CHECK(std::fabs(found[k] - exact) <= 0x1.00001p-24L * std::fabs(exact) + 0x1p-150L);
    CHECK(found[k] >= 0 && found[k] <= 1);
  }
  std::vector<float> nan = {NAN};
  sigmoid(nan);
  CHECK(std::isnan(nan[0]));
}

TEST(a_clip_holds_each_feature_between_its_bounds_behind_the_scaler) {
  const std::vector<Layer> network = {{LayerKind::linear, 3, 1}};
  auto tensors = sum_tensors(3, 3);  // the first value minus half the last, scaled
  tensors[0].values = {1, 0, 0};
  tensors[1].values = {2, 1, 4};
  const std::vector<float> windows = {3, 9, 0.25F, 0, 9, -8, 1.25F, 0, 0};
  std::vector<float> outputs(3);
  const auto run = [&](const std::optional<Clip>& clip) {
    load_native_model(bytes_of(safetensors(tensors)), {.window = {1, 3}}, network, clip)
        ->run(windows, outputs);
    return outputs;
  };
  CHECK((run({}) == std::vector<float>{4 - 0.5F, -2 + 16, 0.5F}));
  CHECK((run(Clip{-1.5F, 2}) == std::vector<float>{2 - 0.5F, -1.5F + 0.75F, 0.5F}));
}

TEST(a_window_has_the_same_bits_alone_as_among_others) {
  constexpr std::size_t kWidth = 12, kHidden = 20, kWindows = 7;
  auto tensors = sum_tensors(kWidth, kWidth);
  tensors[2] = {"layers.0.weight", {kHidden, kWidth}, draw(kHidden * kWidth, 5)};
  tensors[3] = {"layers.0.bias", {kHidden}, draw(kHidden, 6)};
  tensors.push_back({"layers.2.weight", {1, kHidden}, draw(kHidden, 7)});
  tensors.push_back({"layers.2.bias", {1}, {0.5F}});
  const auto model = load_native_model(
      bytes_of(safetensors(tensors)), {.window = {1, kWidth}},
      {{LayerKind::linear, kWidth, kHidden}, {LayerKind::gelu}, {LayerKind::linear, kHidden, 1}}, {});
  const auto windows = draw(kWindows * kWidth, 8);
  std::vector<float> together(kWindows), alone(kWindows);
  model->run(windows, together);
  for (std::size_t k = 0; k < kWindows; ++k)
    model->run(std::span(windows).subspan(k * kWidth, kWidth), std::span(alone).subspan(k, 1));
  CHECK(std::memcmp(together.data(), alone.data(), kWindows * sizeof(float)) == 0);
  CHECK(model->is_batch_exact());  // what this shows, a SessionBatch relies on
}

TEST(weights_that_were_changed_and_sealed_again_are_refused) {
  const auto with = [](std::size_t place, float value) {
    Files files = make_bundle({.native = true});
    auto tensors = sum_tensors(3, 3);
    tensors[place].values[0] = value;
    files["model.safetensors"] = safetensors(tensors);
    if (place < 2 && std::isfinite(value)) {  // the manifest's copy tells so, too
      Json manifest = Json::parse(files["metadata.json"]);
      manifest["normalisation"][place == 0 ? "mean" : "inv_std"][0] = value;
      files["metadata.json"] = manifest.dump();
    }
    return first_failure(files);
  };
  for (const std::size_t place : {0u, 1u, 2u, 3u, 4u, 5u}) {
    CHECK_EQUAL(with(place, 1.0000001F * (place == 2 || place == 1 || place == 4 ? 1.0F : 1e-6F)),
                "native: golden outputs, batch 1");
    CHECK_EQUAL(with(place, NAN), "native: model");
    CHECK_EQUAL(with(place, INFINITY), "native: model");
  }
  Files files = make_bundle({.native = true});
  std::string& own = files["golden/native.npy"];
  own[own.size() - 4] = static_cast<char>(own[own.size() - 4] ^ 1);
  CHECK_EQUAL(first_failure(files), "native: golden outputs, stress");
}

TEST(tensors_that_are_not_the_networks_are_refused) {
  const std::vector<Layer> network = {{LayerKind::linear, 3, 1}};
  const auto load = [&](const std::vector<MadeTensor>& tensors) {
    (void)load_native_model(bytes_of(safetensors(tensors)), {.window = {1, 3}}, network, {});
  };
  load(sum_tensors(3, 3));
  auto tensors = sum_tensors(3, 3);
  tensors.push_back({"layers.1.bias", {1}, {0}});
  CHECK_THROWS(bad_bundle, "layers.1.bias: is no tensor of this network", load(tensors));
  tensors = sum_tensors(3, 3);
  tensors.erase(tensors.begin());
  CHECK_THROWS(bad_bundle, "scaler.mean: is missing", load(tensors));
  tensors = sum_tensors(3, 3);
  tensors[2].shape = {3, 1};
  CHECK_THROWS(bad_bundle, "layers.0.weight: has another shape", load(tensors));
}

}  // namespace
