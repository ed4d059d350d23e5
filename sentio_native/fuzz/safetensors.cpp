// safetensors files: every tensor that is taken has the values that its shape says.
#include "runtime/safetensors.hpp"

#include "reader.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sentio;
  fuzz::read_or_refuse({ErrorCode::bad_bundle}, [&] {
    std::size_t values = 0;
    for (const auto& [name, tensor] : read_safetensors(fuzz::bytes_of(data, size), "model.safetensors")) {
      std::size_t count = 1;
      for (const std::size_t extent : tensor.shape) count *= extent;
      fuzz::require(tensor.values.size() == count);
      values += count;
    }
    fuzz::require(values * sizeof(float) <= size);  // no byte is two tensors'
  });
  return 0;
}
