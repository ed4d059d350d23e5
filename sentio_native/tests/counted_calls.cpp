// Counts a program's allocations, locks and writes, whichever of its libraries asks for them: the loader
// takes what a program defines before what the C library does. An allocation can also be told to fail.
#include "counted_calls.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace sentio::test {

std::atomic<std::int64_t> allocations{0}, locks{0}, writes{0}, refused_allocation{0};

}  // namespace sentio::test

namespace {

// Counts an allocation. Returns whether it is to be refused.
bool refused() noexcept {
  return ++sentio::test::allocations == sentio::test::refused_allocation;
}

}  // namespace

// The programs are compiled with -fvisibility=hidden, by which no library would see these.
#define SEEN extern "C" __attribute__((visibility("default")))

#ifndef SENTIO_SANITIZED

// By glibc's own names: dlsym may itself allocate.
extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;
}

namespace {

void* no_memory() noexcept {
  errno = ENOMEM;
  return nullptr;
}

}  // namespace

SEEN void* malloc(std::size_t size) noexcept {
  return refused() ? no_memory() : __libc_malloc(size);
}
SEEN void* calloc(std::size_t count, std::size_t size) noexcept {
  return refused() ? no_memory() : __libc_calloc(count, size);
}
SEEN void* realloc(void* memory, std::size_t size) noexcept {
  return refused() ? no_memory() : __libc_realloc(memory, size);
}
SEEN void* memalign(std::size_t alignment, std::size_t size) noexcept {
  return refused() ? no_memory() : __libc_memalign(alignment, size);
}
SEEN void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}
SEEN int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  void* const found = memalign(alignment, size);
  if (found == nullptr) return ENOMEM;
  *memory = found;
  return 0;
}

#else

// AddressSanitizer's malloc must stay the program's; operator new is counted alone, and goes on to it.
void* operator new(std::size_t size) {
  if (refused()) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (refused()) throw std::bad_alloc();
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

#endif

// Defines a function that counts, then does what the next one of its name does.
#define COUNTED(counter, Result, name, parameters, ...)                                       \
  SEEN Result name parameters {                                                               \
    static const auto next = reinterpret_cast<Result(*) parameters>(dlsym(RTLD_NEXT, #name)); \
    ++sentio::test::counter;                                                                  \
    return next(__VA_ARGS__);                                                                 \
  }

COUNTED(locks, int, pthread_mutex_lock, (pthread_mutex_t * lock) noexcept, lock)
COUNTED(locks, int, pthread_mutex_trylock, (pthread_mutex_t * lock) noexcept, lock)
COUNTED(locks, int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock) noexcept, lock)
COUNTED(locks, int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock) noexcept, lock)
COUNTED(locks, int, pthread_spin_lock, (pthread_spinlock_t * lock) noexcept, lock)
COUNTED(locks, int, sem_wait, (sem_t * lock), lock)

COUNTED(writes, ssize_t, write, (int file, const void* bytes, std::size_t size), file, bytes, size)
COUNTED(writes, ssize_t, writev, (int file, const iovec* parts, int count), file, parts, count)
COUNTED(writes, std::size_t, fwrite, (const void* bytes, std::size_t size, std::size_t count, FILE* file),
        bytes, size, count, file)
COUNTED(writes, int, fputs, (const char* text, FILE* file), text, file)
COUNTED(writes, int, fputc, (int letter, FILE* file), letter, file)
COUNTED(writes, int, putc, (int letter, FILE* file), letter, file)
COUNTED(writes, int, puts, (const char* text), text)
COUNTED(writes, int, vfprintf, (FILE * file, const char* format, std::va_list values), file, format, values)

SEEN int fprintf(FILE* file, const char* format, ...) {
  std::va_list values;
  va_start(values, format);
  const int written = vfprintf(file, format, values);
  va_end(values);
  return written;
}
SEEN int printf(const char* format, ...) {
  std::va_list values;
  va_start(values, format);
  const int written = vfprintf(stdout, format, values);
  va_end(values);
  return written;
}
