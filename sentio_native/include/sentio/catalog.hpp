// All ops of this build, by name.
#pragma once

#include <span>
#include <string_view>

#include "sentio/op.hpp"

namespace sentio {

// Every op, sorted by name.
[[nodiscard]] std::span<const OpInfo> catalog();

// The op of that name, or nullptr.
[[nodiscard]] const OpInfo* find_op(std::string_view name);

}  // namespace sentio
