// Safetensors files: what is read, and each way in which one can be bad.
#include <cstdint>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/safetensors.hpp"

namespace {

using namespace sentio;
using namespace sentio::test;

// A file of a header as it stands, and so many bytes of data.
std::string file_of(const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof length) + header +
         std::string(data, '\0');
}

Tensors read(const std::string& file) {
  return read_safetensors(std::as_bytes(std::span(file.data(), file.size())), "m");
}

TEST(tensors_are_read_by_name_shape_and_value) {
  const auto tensors = read(safetensors({{"a", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {}, {7}}}));
  CHECK_EQUAL(tensors.size(), 2u);
  CHECK(tensors.find("a")->second.shape == (std::vector<std::size_t>{2, 3}));
  CHECK(tensors.find("a")->second.values == (std::vector<float>{1, 2, 3, 4, 5, 6}));
  CHECK(tensors.find("b")->second.shape.empty());
  CHECK(tensors.find("b")->second.values == std::vector<float>{7});
  CHECK(read(file_of("{}   ", 0)).empty());  // writers pad the header with spaces
}

TEST(a_file_that_is_not_whole_is_refused) {
  const std::string good = safetensors({{"a", {2}, {1, 2}}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_THROWS(bad_bundle, "m", (void)read(good.substr(0, size)));
  }
  CHECK_THROWS(bad_bundle, "bytes behind the last", (void)read(good + '\0'));
  std::string long_header = good;
  long_header[7] = '\x7F';
  CHECK_THROWS(bad_bundle, "is shorter than its header", (void)read(long_header));
}

TEST(each_kind_of_bad_header_is_refused) {
  const auto entry = [](const std::string& name, const std::string& type, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + "\": {\"dtype\": \"" + type + "\", \"shape\": " + shape +
           ", \"data_offsets\": " + offsets + "}";
  };
  const auto refused = [](const std::string& entries, std::size_t data, const std::string& words) {
    CHECK_THROWS(bad_bundle, words, (void)read(file_of("{" + entries + "}", data)));
  };
  CHECK_EQUAL(read(file_of("{" + entry("a", "F32", "[2]", "[0, 8]") + "}", 8)).size(), 1u);
  refused(entry("a", "F64", "[1]", "[0, 8]"), 8, "a.dtype: is 'F64'; allowed: F32");
  refused(entry("a", "F32", "[3]", "[0, 8]"), 8, "are not the bytes of its shape");
  refused(entry("a", "F32", "[-2]", "[0, 8]"), 8, "is no whole number");
  refused(entry("a", "F32", "[2.0]", "[0, 8]"), 8, "is no whole number");
  refused(entry("a", "F32", "[0]", "[0, 0]"), 0, "or a 0");
  refused(entry("a", "F32", "[1, 1, 1, 1, 1]", "[0, 4]"), 4, "more than 4 extents");
  refused(entry("a", "F32", "[32768, 32768, 32768, 32768]", "[0, 4]"), 4, "are not the bytes of its shape");
  refused(entry("a", "F32", "[2]", "[0, 16]"), 8, "is no whole number up to 8");
  refused(entry("a", "F32", "[2]", "[8, 0]"), 8, "are not the bytes of its shape");
  refused(entry("a", "F32", "[2]", "[0]"), 8, "are not the bytes of its shape");
  refused(entry("a", "F32", "[1]", "[4, 8]"), 8, "does not begin where");
  refused(entry("a", "F32", "[1]", "[0, 4]"), 8, "bytes behind the last tensor");
  refused(entry("a", "F32", "[2]", "[0, 8]") + ", " + entry("b", "F32", "[2]", "[4, 12]"), 12,
          "b: does not begin where");
  refused(entry("a", "F32", "[1]", "[0, 4]") + ", " + entry("b", "F32", "[1]", "[8, 12]"), 12,
          "b: does not begin where");
  refused(entry("a", "F32", "[1]", "[0, 4]") + ", " + entry("a", "F32", "[1]", "[4, 8]"), 8, "twice");
  refused("\"a\": {\"dtype\": \"F32\", \"shape\": [1]}", 4, "a.data_offsets: is missing");
  refused("\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4], \"more\": 1}", 4, "a.more");
  refused("\"a\": 1", 0, "a: is not an object");
  refused("\"__metadata__\": {\"format\": \"pt\"}", 0, "__metadata__");
  CHECK_THROWS(bad_bundle, "is not an object", (void)read(file_of("[]", 0)));
  CHECK_THROWS(bad_bundle, "is not JSON", (void)read(file_of("{", 0)));
}

}  // namespace
