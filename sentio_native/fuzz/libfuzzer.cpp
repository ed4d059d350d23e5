// One fuzzer as a libFuzzer program.
#include <cstdint>

#include "reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)sentio::fuzz::read(std::as_bytes(std::span(data, size)));
  return 0;
}
