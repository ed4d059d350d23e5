// All ops of this build, by name.
#pragma once

#include <span>
#include <string_view>

#include "sentio/export.hpp"
#include "sentio/op.hpp"

namespace sentio {

// Every op, sorted by name.
[[nodiscard]] SENTIO_API std::span<const OpInfo> catalog();

// The op of that name, or nullptr.
[[nodiscard]] SENTIO_API const OpInfo* find_op(std::string_view name);

}  // namespace sentio
