// The level x86-64-v3 of the x86-64 psABI (System V ABI, AMD64 supplement, table 3.1), which machine code in
// a bundle is compiled for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sentio {

// What cpuid tells of the processor, and XCR0 of the registers that the system saves.
struct ProcessorFlags {
  std::uint32_t leaf_1_ecx = 0, leaf_7_ebx = 0, leaf_80000001_ecx = 0, xcr0 = 0;
};

// All zero where this is another architecture.
[[nodiscard]] ProcessorFlags processor_flags() noexcept;

// What the level needs and the flags lack, by the names of the manuals; "xcr0": the system saves no ymm.
[[nodiscard]] std::vector<std::string> lacking_of_x86_64_v3(const ProcessorFlags& flags);

}  // namespace sentio
