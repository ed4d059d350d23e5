// The backends `torchscript` and `aoti`.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "sentio/model.hpp"

namespace sentio {

// A TorchScript module [B, T, F] -> [B, C] from the bytes of model.pt. TorchScript is code: give it only
// bytes whose hash was checked, from a source that is trusted. Each run forces one thread within operators,
// in the thread that calls it; loading forces one between operators, in the whole process. Throws
// Error(bad_bundle) where the bytes are no TorchScript, Error(unsupported) where the process already has
// several inter-op threads.
[[nodiscard]] std::unique_ptr<const Model> load_torch_model(std::span<const std::byte> bytes,
                                                            const ModelShape& shape);

// The backend `aoti`: a package of machine code of x86-64-v3 for one window at a time, from the bytes of
// model.pt2. Throws as above, and Error(unsupported) where this processor or its system lacks that level.
[[nodiscard]] std::unique_ptr<const Model> load_aoti_model(std::span<const std::byte> bytes,
                                                           const ModelShape& shape);

}  // namespace sentio
