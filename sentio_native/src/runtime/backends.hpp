// The backends of this build: who can run a model.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/manifest.hpp"
#include "sentio/model.hpp"

namespace sentio {

[[nodiscard]] bool has_backend(std::string_view name) noexcept;

// The model in the bytes of the entry's file. Throws Error(unsupported) where this build has no such backend
// or this processor lacks what it needs, and as ModelLoader.
[[nodiscard]] std::unique_ptr<const Model> load_model(const BackendEntry& entry,
                                                      std::span<const std::byte> bytes,
                                                      const ModelShape& shape);

// "this build runs native, torchscript".
[[nodiscard]] std::string say_backends();

}  // namespace sentio
