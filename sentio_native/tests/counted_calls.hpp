// How often a program that is linked with counted_calls.cpp has allocated, locked and written, and which
// allocation it must not get.
#pragma once

#include <atomic>
#include <cstdint>
#include <ostream>

namespace sentio::test {

extern std::atomic<std::int64_t> allocations, locks, writes;
// The one that is refused, counted as above; 0: none.
extern std::atomic<std::int64_t> refused_allocation;

struct Calls {
  std::int64_t allocations = 0, locks = 0, writes = 0;

  friend bool operator==(const Calls&, const Calls&) = default;
  friend Calls operator-(const Calls& a, const Calls& b) {
    return {a.allocations - b.allocations, a.locks - b.locks, a.writes - b.writes};
  }
  friend std::ostream& operator<<(std::ostream& stream, const Calls& calls) {
    return stream << calls.allocations << " allocations, " << calls.locks << " locks, " << calls.writes
                  << " writes";
  }
};

inline Calls calls_so_far() {
  return {allocations, locks, writes};
}

}  // namespace sentio::test
