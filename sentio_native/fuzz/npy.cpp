// npy files, as each of the three types and as one or two dimensions.
#include "runtime/npy.hpp"

#include "made_bundle.hpp"
#include "reader.hpp"

namespace sentio::fuzz {
namespace {

template <class T>
bool read_as(std::span<const std::byte> bytes, std::size_t dimensions) {
  return take_or_refuse({ErrorCode::bad_bundle}, [&] {
    const auto view = read_npy<T>(bytes, "file.npy", dimensions);
    require(view.shape.size() == dimensions);
    std::size_t count = 1;
    for (const std::size_t extent : view.shape) count *= extent;
    require(view.values.size() == count);
    T last{};
    for (const T value : view.values) last = value;  // every value is inside of the bytes
    volatile T seen = last;
    (void)seen;
  });
}

}  // namespace

bool read(std::span<const std::byte> bytes) {
  // A copy of this very size, aligned as a file's bytes are in memory.
  const std::vector<std::byte> file(bytes.begin(), bytes.end());
  int taken = 0;
  for (const std::size_t dimensions : {1U, 2U, 3U}) {
    taken += read_as<std::int64_t>(file, dimensions);
    taken += read_as<float>(file, dimensions);
    taken += read_as<double>(file, dimensions);
  }
  require(taken <= 1);  // no file is two things
  return taken == 1;
}

std::vector<std::string> seeds() {
  return {test::npy<std::int64_t>("<i8", "(2,)", {1, 2}), test::npy<float>("<f4", "(2, 1)", {1, 2}),
          test::npy<double>("<f8", "(1, 2)", {1, 2}), test::npy<float>("<f4", "(1, 2, 1)", {1, 2}),
          test::npy<double>("<f8", "(0,)", {})};
}

}  // namespace sentio::fuzz
