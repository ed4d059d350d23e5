// Results, statuses and their texts; the version.
#include "c_interface/results.hpp"

#include <string>

namespace sentio::c {
namespace {

thread_local std::string last_error;

}  // namespace

sentio_result fail(sentio_result result, const char* text) noexcept {
  try {
    last_error = text;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
  return result;
}

void require(bool kept, const char* what) {
  if (!kept) throw Error(ErrorCode::bad_argument, what);
}

sentio_result result_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::bad_argument:
      return SENTIO_BAD_ARGUMENT;
    case ErrorCode::bad_spec:
      return SENTIO_BAD_SPEC;
    case ErrorCode::bad_bars:
      return SENTIO_BAD_BARS;
    case ErrorCode::bad_state:
      return SENTIO_BAD_STATE;
    case ErrorCode::bad_bundle:
      return SENTIO_BAD_BUNDLE;
    case ErrorCode::corrupt:
      return SENTIO_CORRUPT;
    case ErrorCode::missing:
      return SENTIO_MISSING;
    case ErrorCode::unsupported:
      return SENTIO_UNSUPPORTED;
  }
  return SENTIO_INTERNAL;
}

sentio_status status_of(Status status) noexcept {
  switch (status) {
    case Status::predicted:
      return SENTIO_PREDICTED;
    case Status::warming_up:
      return SENTIO_WARMING_UP;
    case Status::model_failed:
      return SENTIO_MODEL_FAILED;
    case Status::not_later:
      return SENTIO_NOT_LATER;
    case Status::too_early:
      return SENTIO_TOO_EARLY;
    case Status::not_a_number:
      return SENTIO_NOT_A_NUMBER;
    case Status::price_range:
      return SENTIO_PRICE_RANGE;
    case Status::high_low:
      return SENTIO_HIGH_LOW;
    case Status::volume_range:
      return SENTIO_VOLUME_RANGE;
  }
  return SENTIO_MODEL_FAILED;
}

void tell_failure(Status status, const Session& session) noexcept {
  if (status != Status::model_failed) return;
  fail(SENTIO_OK, describe(status).data());
  if (const auto failure = session.failure()) (void)guarded([&] { std::rethrow_exception(failure); });
}

}  // namespace sentio::c

using namespace sentio::c;

const char* sentio_version(void) noexcept {
  return SENTIO_VERSION;
}

uint32_t sentio_abi_version(void) noexcept {
  return SENTIO_ABI_VERSION;
}

const char* sentio_last_error(void) noexcept {
  return last_error.c_str();
}

const char* sentio_result_text(sentio_result result) noexcept {
  using sentio::ErrorCode;
  if (result == SENTIO_OK) return "ok";
  if (result == SENTIO_SYSTEM) return "the operating system refused";
  if (result == SENTIO_INTERNAL) return "internal error";
  for (int code = 0; code <= static_cast<int>(ErrorCode::unsupported); ++code) {
    if (result_of(static_cast<ErrorCode>(code)) == result)
      return describe(static_cast<ErrorCode>(code)).data();
  }
  return "unknown result";
}

const char* sentio_status_text(sentio_status status) noexcept {
  using sentio::Status;
  for (int code = 0; code <= static_cast<int>(Status::volume_range); ++code) {
    if (status_of(static_cast<Status>(code)) == status) return describe(static_cast<Status>(code)).data();
  }
  return "unknown status";
}
