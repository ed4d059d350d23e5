// How often a program that is linked with counted_new.cpp has allocated.
#pragma once

#include <atomic>
#include <cstdint>

namespace sentio::test {

extern std::atomic<std::int64_t> allocations;

}  // namespace sentio::test
