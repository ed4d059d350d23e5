// How often a program that is linked with counted_new.cpp has allocated, and which time it must not.
#pragma once

#include <atomic>
#include <cstdint>

namespace sentio::test {

extern std::atomic<std::int64_t> allocations;
// The one that is refused, counted as above; 0: none.
extern std::atomic<std::int64_t> refused_allocation;

}  // namespace sentio::test
