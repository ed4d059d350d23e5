// Round to nearest, denormals kept, no traps: what every bit of the output is defined under.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace sentio {

// Sets the mode for its lifetime and restores the caller's.
class FloatingPointMode {
 public:
  FloatingPointMode() noexcept : saved_(read()) { write(kDefault); }
  ~FloatingPointMode() { write(saved_); }
  FloatingPointMode(const FloatingPointMode&) = delete;
  FloatingPointMode& operator=(const FloatingPointMode&) = delete;

 private:
#if defined(__x86_64__)
  using Word = unsigned;
  static constexpr Word kDefault = 0x1F80;  // all exceptions masked, nearest, no flush, no denormals-are-zero
  static Word read() noexcept { return _mm_getcsr(); }
  static void write(Word word) noexcept { _mm_setcsr(word); }
#elif defined(__aarch64__)
  using Word = std::uint64_t;
  static constexpr Word kDefault = 0;
  static Word read() noexcept {
    Word word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void write(Word word) noexcept { asm volatile("msr fpcr, %0" ::"r"(word)); }
#else
#error "sentio: the floating-point mode of this processor is not known; add it here"
#endif
  Word saved_;
};

}  // namespace sentio
