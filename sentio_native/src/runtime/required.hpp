// What a caller must give.
#pragma once

#include <memory>
#include <utility>

#include "sentio/bundle.hpp"
#include "sentio/error.hpp"

namespace sentio {

// The bundle itself. Throws Error(bad_argument) where there is none.
[[nodiscard]] inline std::shared_ptr<const Bundle> required(std::shared_ptr<const Bundle> bundle) {
  if (bundle == nullptr) throw Error(ErrorCode::bad_argument, "no bundle was given: the pointer is null");
  return bundle;
}

}  // namespace sentio
