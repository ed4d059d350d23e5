// Replaces a program's global operator new by one that counts, and can be told to fail.
#include "counted_new.hpp"

#include <cstdlib>
#include <new>

namespace sentio::test {

std::atomic<std::int64_t> allocations{0}, refused_allocation{0};

}  // namespace sentio::test

namespace {

void count() {
  if (++sentio::test::allocations == sentio::test::refused_allocation) throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  count();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  count();
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
