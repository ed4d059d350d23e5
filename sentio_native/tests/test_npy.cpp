// The npy reader takes what numpy writes of three types, and refuses everything else.
#include <limits>

#include "check.hpp"
#include "made_bundle.hpp"
#include "runtime/npy.hpp"

namespace {

using namespace sentio;
using sentio::test::npy;

template <class T>
NpyView<T> read(const std::string& file, std::size_t dimensions) {
  return read_npy<T>(std::as_bytes(std::span(file)), "x.npy", dimensions);
}

// A file with this header text, padded as numpy pads, and `data` behind it.
std::string with_header(std::string header, const std::string& data) {
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  return file + header + data;
}

const std::string kGood = npy<float>("<f4", "(2, 3)", {1, 2, 3, 4, 5, 6});
const std::string kSixFloats(24, '\0');

TEST(what_numpy_writes_is_read) {
  const auto floats = read<float>(kGood, 2);
  CHECK((floats.shape == std::vector<std::size_t>{2, 3}));
  CHECK_EQUAL(floats.values[5], 6.0F);
  const std::string doubles = npy<double>("<f8", "(2,)", {0.5, std::numeric_limits<double>::quiet_NaN()});
  CHECK_EQUAL(read<double>(doubles, 1).values[0], 0.5);
  const std::string integers = npy<std::int64_t>("<i8", "(1,)", {INT64_MIN});
  CHECK_EQUAL(read<std::int64_t>(integers, 1).values[0], INT64_MIN);
  CHECK(read<float>(npy<float>("<f4", "(0, 3)", {}), 2).values.empty());
  // numpy leaves room after a shape that may grow.
  const std::string grown =
      with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      ", kSixFloats);
  CHECK_EQUAL(read<float>(grown, 2).values.size(), 6u);
}

TEST(the_layout_is_read_from_the_head_alone) {
  const auto layout = [](std::size_t head, std::size_t size) {
    return read_npy_layout<float>(std::as_bytes(std::span(kGood)).first(head), size, "x.npy", 2);
  };
  CHECK((layout(128, kGood.size()).shape == std::vector<std::size_t>{2, 3}));
  CHECK_EQUAL(layout(128, kGood.size()).data_offset, 128u);
  CHECK_THROWS(bad_bundle, "its npy header is cut", (void)layout(127, kGood.size()));
  CHECK_THROWS(bad_bundle, "holds 25 bytes of values, its shape needs 24", (void)layout(128, 128 + 25));
}

TEST(another_type_is_refused) {
  for (const char* type : {"<f8", ">f4", "|O", "<i4", "|u1", "<c8", "<f4'", "float32"}) {
    const std::string header =
        "{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (2, 3), }";
    CHECK_THROWS(bad_bundle, "x.npy", (void)read<float>(with_header(header, kSixFloats), 2));
  }
  CHECK_THROWS(bad_bundle, "'<f4', allowed is '<f8'", (void)read<double>(kGood, 2));
  const std::string fields = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3), }";
  CHECK_THROWS(bad_bundle, "x.npy", (void)read<float>(with_header(fields, kSixFloats), 2));
}

TEST(another_order_or_number_of_dimensions_is_refused) {
  const std::string fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
  CHECK_THROWS(bad_bundle, "Fortran", (void)read<float>(with_header(fortran, kSixFloats), 2));
  CHECK_THROWS(bad_bundle, "2 dimensions", (void)read<float>(kGood, 1));
  CHECK_THROWS(bad_bundle, "2 dimensions", (void)read<float>(kGood, 3));
}

TEST(an_invalid_shape_is_refused) {
  for (const char* shape :
       {"(6)", "6", "(2, -3)", "(2,3)", "(2, 3", "(2, 3,)", "(,)", "(2; 3)", "(2.0, 3)", "(2, 3L)",
        "(0x2, 3)", "(99999999999999999999999, 3)", "((2, 3))", "[2, 3]", "( 2, 3)"}) {
    const std::string header =
        "{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + ", }";
    CHECK_THROWS(bad_bundle, "x.npy", (void)read<float>(with_header(header, kSixFloats), 2));
  }
  const std::string huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }";
  CHECK_THROWS(bad_bundle, "overflows", (void)read<float>(with_header(huge, kSixFloats), 2));
}

TEST(python_code_in_a_header_is_refused) {
  for (const char* header :
       {"__import__('os').system('true')", "{'shape': (2, 3), 'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1, }", ""}) {
    CHECK_THROWS(bad_bundle, "x.npy", (void)read<float>(with_header(header, kSixFloats), 2));
  }
}

TEST(another_version_or_magic_is_refused) {
  for (const std::size_t place : {0u, 1u, 5u, 6u, 7u}) {
    std::string file = kGood;
    file[place] = static_cast<char>(file[place] + 1);
    CHECK_THROWS(bad_bundle, "format 1.0", (void)read<float>(file, 2));
  }
}

TEST(a_file_that_is_cut_or_longer_is_refused) {
  for (std::size_t size = 0; size < kGood.size(); ++size) {
    CHECK_THROWS(bad_bundle, "x.npy", (void)read<float>(kGood.substr(0, size), 2));
  }
  CHECK_THROWS(bad_bundle, "25 bytes", (void)read<float>(kGood + "x", 2));
}

TEST(values_that_are_not_aligned_are_refused) {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n";
  while ((10 + header.size()) % 8 != 3) header.insert(header.size() - 1, " ");
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size());
  file += '\0';
  CHECK_THROWS(bad_bundle, "not aligned", (void)read<double>(file + header + std::string(8, '\0'), 1));
}

}  // namespace
