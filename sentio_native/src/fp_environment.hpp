// Round to nearest, denormals kept, no traps: what every bit of the output is defined under.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace sentio {

// Sets the mode for its lifetime and restores the caller's. Writing it costs more than a feature does, and
// the caller's mostly is the one.
class FloatingPointMode {
 public:
  FloatingPointMode() noexcept : saved_(read()) {
    if (is_other()) write(kDefault);
  }
  ~FloatingPointMode() {
    if (is_other()) write(saved_);
  }
  FloatingPointMode(const FloatingPointMode&) = delete;
  FloatingPointMode& operator=(const FloatingPointMode&) = delete;

 private:
#if defined(__x86_64__)
  using Word = unsigned;
  static constexpr Word kDefault = 0x1F80;  // all exceptions masked, nearest, no flush, no denormals-are-zero
  static constexpr Word kRaised = 0x3F;     // the exceptions so far: no mode
  static Word read() noexcept { return _mm_getcsr(); }
  static void write(Word word) noexcept { _mm_setcsr(word); }
#elif defined(__aarch64__)
  using Word = std::uint64_t;
  static constexpr Word kDefault = 0;
  static constexpr Word kRaised = 0;  // the exceptions so far are in another register
  static Word read() noexcept {
    Word word;
    asm volatile("mrs %0, fpcr" : "=r"(word));
    return word;
  }
  static void write(Word word) noexcept { asm volatile("msr fpcr, %0" ::"r"(word)); }
#else
#error "sentio: the floating-point mode of this processor is not known; add it here"
#endif
  [[nodiscard]] bool is_other() const noexcept { return ((saved_ ^ kDefault) & ~kRaised) != 0; }

  Word saved_;
};

}  // namespace sentio
