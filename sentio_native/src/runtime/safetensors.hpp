// A strict reader of the safetensors format: float32 tensors, every byte of the file accounted for, nothing
// else.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sentio {

struct Tensor {
  std::vector<std::size_t> shape;
  std::vector<float> values;  // in C order
};

using Tensors = std::map<std::string, Tensor, std::less<>>;

// `name` names the file in messages. Throws Error(bad_bundle), with every tensor that is wrong: another type,
// a shape that is not its bytes, a name that comes twice, bytes that two tensors share or that none has.
[[nodiscard]] Tensors read_safetensors(std::span<const std::byte> bytes, std::string_view name);

}  // namespace sentio
