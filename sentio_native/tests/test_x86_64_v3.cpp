// What machine code of x86-64-v3 needs of a processor: each thing by itself is missed by its name.
#include <string>

#include "check.hpp"
#include "runtime/x86_64_v3.hpp"

namespace {

using namespace sentio;

// Intel 64 Architectures Software Developer's Manual, volume 2A, CPUID, and volume 1, section 13.3, XCR0; the
// leaf 80000001H of AMD's manual, volume 3, appendix E.4.
struct Documented {
  std::string name;
  std::uint32_t ProcessorFlags::* word;
  int bit;
};
const Documented kLevel[] = {
    {"sse3", &ProcessorFlags::leaf_1_ecx, 0},
    {"ssse3", &ProcessorFlags::leaf_1_ecx, 9},
    {"fma", &ProcessorFlags::leaf_1_ecx, 12},
    {"cx16", &ProcessorFlags::leaf_1_ecx, 13},
    {"sse4_1", &ProcessorFlags::leaf_1_ecx, 19},
    {"sse4_2", &ProcessorFlags::leaf_1_ecx, 20},
    {"movbe", &ProcessorFlags::leaf_1_ecx, 22},
    {"popcnt", &ProcessorFlags::leaf_1_ecx, 23},
    {"osxsave", &ProcessorFlags::leaf_1_ecx, 27},
    {"avx", &ProcessorFlags::leaf_1_ecx, 28},
    {"f16c", &ProcessorFlags::leaf_1_ecx, 29},
    {"bmi1", &ProcessorFlags::leaf_7_ebx, 3},
    {"avx2", &ProcessorFlags::leaf_7_ebx, 5},
    {"bmi2", &ProcessorFlags::leaf_7_ebx, 8},
    {"lahf_lm", &ProcessorFlags::leaf_80000001_ecx, 0},
    {"lzcnt", &ProcessorFlags::leaf_80000001_ecx, 5},
    {"xcr0", &ProcessorFlags::xcr0, 1},
    {"xcr0", &ProcessorFlags::xcr0, 2},
};

std::string lacking(const ProcessorFlags& flags) {
  std::string names;
  for (const std::string& name : lacking_of_x86_64_v3(flags)) names.append(" ").append(name);
  return names;
}

TEST(every_part_of_x86_64_v3_is_missed_by_its_name) {
  ProcessorFlags whole;
  for (const Documented& part : kLevel) whole.*part.word |= 1U << part.bit;
  CHECK_EQUAL(lacking(whole), "");
  for (const Documented& part : kLevel) {
    ProcessorFlags without = whole;
    without.*part.word &= ~(1U << part.bit);
    CHECK_EQUAL(lacking(without), " " + part.name);
  }
  CHECK_EQUAL(lacking_of_x86_64_v3({}).size(), std::size(kLevel) - 1);
}

}  // namespace
