// Asking the processor for what x86-64-v3 needs.
#include "runtime/x86_64_v3.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sentio {
namespace {

struct Need {
  const char* name;
  std::uint32_t ProcessorFlags::* word;
  std::uint32_t bits;
};

// By hand: __builtin_cpu_supports knows the level's name in GCC 12, but not before Clang 18. What every
// 64-bit processor has is left out.
constexpr Need kNeeds[] = {
    {"sse3", &ProcessorFlags::leaf_1_ecx, 1U << 0},
    {"ssse3", &ProcessorFlags::leaf_1_ecx, 1U << 9},
    {"fma", &ProcessorFlags::leaf_1_ecx, 1U << 12},
    {"cx16", &ProcessorFlags::leaf_1_ecx, 1U << 13},
    {"sse4_1", &ProcessorFlags::leaf_1_ecx, 1U << 19},
    {"sse4_2", &ProcessorFlags::leaf_1_ecx, 1U << 20},
    {"movbe", &ProcessorFlags::leaf_1_ecx, 1U << 22},
    {"popcnt", &ProcessorFlags::leaf_1_ecx, 1U << 23},
    {"osxsave", &ProcessorFlags::leaf_1_ecx, 1U << 27},
    {"avx", &ProcessorFlags::leaf_1_ecx, 1U << 28},
    {"f16c", &ProcessorFlags::leaf_1_ecx, 1U << 29},
    {"bmi1", &ProcessorFlags::leaf_7_ebx, 1U << 3},
    {"avx2", &ProcessorFlags::leaf_7_ebx, 1U << 5},
    {"bmi2", &ProcessorFlags::leaf_7_ebx, 1U << 8},
    {"lahf_lm", &ProcessorFlags::leaf_80000001_ecx, 1U << 0},
    {"lzcnt", &ProcessorFlags::leaf_80000001_ecx, 1U << 5},
    {"xcr0", &ProcessorFlags::xcr0, 1U << 1 | 1U << 2},
};

}  // namespace

ProcessorFlags processor_flags() noexcept {
  ProcessorFlags flags;
#if defined(__x86_64__)
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0) flags.leaf_1_ecx = ecx;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) flags.leaf_7_ebx = ebx;
  if (__get_cpuid(0x80000001U, &eax, &ebx, &ecx, &edx) != 0) flags.leaf_80000001_ecx = ecx;
  constexpr std::uint32_t kOsxsave = 1U << 27;  // without it xgetbv is itself an unknown instruction
  if ((flags.leaf_1_ecx & kOsxsave) != 0) {
    __asm__("xgetbv" : "=a"(flags.xcr0), "=d"(edx) : "c"(0));
  }
#endif
  return flags;
}

std::vector<std::string> lacking_of_x86_64_v3(const ProcessorFlags& flags) {
  std::vector<std::string> lacking;
  for (const Need& need : kNeeds) {
    if ((flags.*need.word & need.bits) != need.bits) lacking.emplace_back(need.name);
  }
  return lacking;
}

}  // namespace sentio
