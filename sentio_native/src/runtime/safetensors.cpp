// Reading safetensors: 8 bytes of length, a JSON header of that length, then the tensors' raw bytes.
#include "runtime/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "runtime/json_fields.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

static_assert(std::endian::native == std::endian::little, "the tensors are copied as they are");

// More than any network here has; below it, no product of extents overflows.
constexpr std::size_t kMostExtents = 4;
constexpr std::int64_t kLargestExtent = std::int64_t{1} << 15;

struct Place {
  std::size_t begin, end;
  std::string name;
};

[[noreturn]] void refuse(std::string_view file, const std::string& reason) {
  throw Error(ErrorCode::bad_bundle, std::string(file) + ": " + reason);
}

// The extents or offsets of a tensor; empty, with a problem, where they are none.
std::vector<std::size_t> whole_numbers(const Json& list, const std::string& path, std::int64_t largest,
                                       std::vector<Problem>& problems) {
  std::vector<std::size_t> numbers;
  for (const Json& value : list) {
    const bool whole =
        value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
    if (!whole || value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest)) {
      problems.push_back({path, value.dump() + " is no whole number up to " + std::to_string(largest)});
      return {};
    }
    numbers.push_back(value.get<std::size_t>());
  }
  return numbers;
}

}  // namespace

Tensors read_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) refuse(name, "is shorter than its header");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > bytes.size() - sizeof length) refuse(name, "is shorter than its header");
  const auto header = bytes.subspan(sizeof length, static_cast<std::size_t>(length));
  const auto data = bytes.subspan(sizeof length + header.size());
  const Json document =
      parse_json({reinterpret_cast<const char*>(header.data()), header.size()}, name, ErrorCode::bad_bundle);
  require_plain_texts(document, name, ErrorCode::bad_bundle);
  if (!document.is_object()) refuse(name, "its header is not an object");

  Tensors tensors;
  std::vector<Problem> problems;
  std::vector<Place> places;
  for (const auto& [key, entry] : document.items()) {
    const std::size_t before = problems.size();
    JsonFields fields(entry, key, problems);
    fields.word("dtype", {"F32"});
    const auto shape = whole_numbers(fields.list("shape"), key + ".shape", kLargestExtent, problems);
    const auto offsets = whole_numbers(fields.list("data_offsets"), key + ".data_offsets",
                                       static_cast<std::int64_t>(data.size()), problems);
    fields.finish();
    if (problems.size() != before) continue;
    std::size_t count = 1;
    for (const std::size_t extent : shape) count *= shape.size() <= kMostExtents ? extent : 0;
    if (count == 0) {
      problems.push_back(
          {key + ".shape", "has more than " + std::to_string(kMostExtents) + " extents, or a 0"});
    } else if (offsets.size() != 2 || offsets[0] > offsets[1] ||
               offsets[1] - offsets[0] != count * sizeof(float)) {
      problems.push_back({key + ".data_offsets", "are not the bytes of its shape"});
    } else {
      places.push_back({offsets[0], offsets[1], key});
      Tensor& tensor = tensors[key];
      tensor.shape = shape;
      tensor.values.resize(count);
      std::memcpy(tensor.values.data(), data.data() + offsets[0], offsets[1] - offsets[0]);
    }
  }
  if (problems.empty()) {
    std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.begin < b.begin; });
    std::size_t end = 0;
    for (const Place& place : places) {
      if (place.begin != end) problems.push_back({place.name, "does not begin where the tensor before ends"});
      end = place.end;
    }
    if (end != data.size()) problems.push_back({"data", "holds bytes behind the last tensor"});
  }
  if (!problems.empty()) {
    throw Error(ErrorCode::bad_bundle, std::string(name) + ": is not the safetensors file of a bundle",
                std::move(problems));
  }
  return tensors;
}

}  // namespace sentio
