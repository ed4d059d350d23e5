// The backends of this build: who can run a model.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "sentio/model.hpp"

namespace sentio {

// Throws Error(unsupported) where this build has no backend of that name, and as ModelLoader.
[[nodiscard]] std::unique_ptr<const Model> load_model(std::string_view backend,
                                                      std::span<const std::byte> bytes,
                                                      const WindowShape& shape);

}  // namespace sentio
