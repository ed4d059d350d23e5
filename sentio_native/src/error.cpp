// Messages of the one exception.
#include "sentio/error.hpp"

#include <utility>

namespace sentio {
namespace {

std::string compose(const std::string& message, const std::vector<Problem>& problems) {
  std::string text = message;
  for (const Problem& problem : problems) text += "\n  " + problem.path + ": " + problem.message;
  return text;
}

}  // namespace

std::string_view describe(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::bad_argument:
      return "bad argument";
    case ErrorCode::bad_spec:
      return "bad spec";
    case ErrorCode::bad_bars:
      return "bad bars";
    case ErrorCode::bad_state:
      return "bad state";
    case ErrorCode::bad_bundle:
      return "bad bundle";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::missing:
      return "missing";
    case ErrorCode::unsupported:
      return "unsupported";
  }
  return "unknown error";
}

Error::Error(ErrorCode code, const std::string& message, std::vector<Problem> problems)
    : std::runtime_error(compose(message, problems)), code_(code), problems_(std::move(problems)) {}

}  // namespace sentio
