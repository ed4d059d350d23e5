// npy files, as each of the three types and as one or two dimensions.
#include <cstring>
#include <vector>

#include "reader.hpp"
#include "runtime/npy.hpp"

namespace {

using namespace sentio;

template <class T>
void read_as(std::span<const std::byte> bytes, std::size_t dimensions) {
  fuzz::read_or_refuse({ErrorCode::bad_bundle}, [&] {
    const auto view = read_npy<T>(bytes, "file.npy", dimensions);
    fuzz::require(view.shape.size() == dimensions);
    std::size_t count = 1;
    for (const std::size_t extent : view.shape) count *= extent;
    fuzz::require(view.values.size() == count);
    T last{};
    for (const T value : view.values) last = value;  // every value is inside of the bytes
    volatile T seen = last;
    (void)seen;
  });
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of this very size, aligned as a file's bytes are in memory.
  const std::vector<std::byte> bytes(fuzz::bytes_of(data, size).begin(), fuzz::bytes_of(data, size).end());
  for (const std::size_t dimensions : {1U, 2U, 3U}) {
    read_as<std::int64_t>(bytes, dimensions);
    read_as<float>(bytes, dimensions);
    read_as<double>(bytes, dimensions);
  }
  return 0;
}
