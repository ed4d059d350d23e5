// The one exception of the library; thrown on cold paths only, never while a bar is being processed.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sentio/export.hpp"

namespace sentio {

enum class ErrorCode : std::uint8_t {
  bad_argument,  // a call's arguments do not fit together
  bad_spec,      // a feature spec does not parse or does not compile
  bad_bars,      // a bar breaks its contract
  bad_state,     // a snapshot is cut, damaged, newer, or of another spec
  bad_bundle,    // a bundle is not what it says it is
  corrupt,       // a sealed folder's bytes are not those that were sealed
  missing,       // a file, folder or symbol is not there
  unsupported,   // this build or machine cannot do what was asked
};

// The code in words, e.g. "bad spec".
[[nodiscard]] SENTIO_API std::string_view describe(ErrorCode code) noexcept;

// One thing that is wrong in a document: where, and what was found against what is allowed.
struct Problem {
  std::string path;
  std::string message;
};

class SENTIO_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message, std::vector<Problem> problems = {});

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  // Every problem of the document, in its order; what() holds them all too.
  [[nodiscard]] const std::vector<Problem>& problems() const noexcept { return problems_; }

 private:
  ErrorCode code_;
  std::vector<Problem> problems_;
};

}  // namespace sentio
