// safetensors files: every tensor that is taken has the values that its shape says; and, where they are those
// of a network, the model made of them.
#include "runtime/safetensors.hpp"

#include <array>

#include "made_bundle.hpp"
#include "reader.hpp"
#include "runtime/native_model.hpp"

namespace sentio::fuzz {
namespace {

constexpr std::size_t kWidth = 2;

bool load(std::span<const std::byte> bytes) {
  return take_or_refuse({ErrorCode::bad_bundle}, [&] {
    const auto model =
        load_native_model(bytes, {.window = {.seq_len = 1, .n_features = kWidth}},
                          {{.kind = LayerKind::linear, .inputs = kWidth, .outputs = 1}}, Clip{-5, 5});
    float output = 0;
    model->run(std::array<float, kWidth>{1, 2}, {&output, 1});
  });
}

}  // namespace

bool read(std::span<const std::byte> bytes) {
  const bool taken = take_or_refuse({ErrorCode::bad_bundle}, [&] {
    std::size_t values = 0;
    for (const auto& [name, tensor] : read_safetensors(bytes, "model.safetensors")) {
      std::size_t count = 1;
      for (const std::size_t extent : tensor.shape) count *= extent;
      require(tensor.values.size() == count);
      values += count;
    }
    require(values * sizeof(float) <= bytes.size());  // no byte is two tensors'
  });
  const bool loaded = load(bytes);
  require(taken || !loaded);
  return taken;
}

std::vector<std::string> seeds() {
  return {test::safetensors({{"a", {1, 2}, {1, 2}}, {"b", {}, {3}}}),
          test::safetensors(test::sum_tensors(kWidth, kWidth))};
}

}  // namespace sentio::fuzz
