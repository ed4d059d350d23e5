// From exceptions to results: nothing that C++ throws goes beyond the interface.
#pragma once

#include <exception>
#include <new>
#include <system_error>

#include "sentio/error.hpp"
#include "sentio/sentio.h"
#include "sentio/session.hpp"

namespace sentio::c {

[[nodiscard]] sentio_result result_of(ErrorCode code) noexcept;
[[nodiscard]] sentio_status status_of(Status status) noexcept;

// Keeps the text for sentio_last_error, and returns the result.
sentio_result fail(sentio_result result, const char* text) noexcept;

// Throws Error(bad_argument).
void require(bool kept, const char* what);

template <class Call>
sentio_result guarded(Call&& call) noexcept {
  try {
    call();
    return SENTIO_OK;
  } catch (const Error& error) {
    return fail(result_of(error.code()), error.what());
  } catch (const std::system_error& error) {
    return fail(SENTIO_SYSTEM, error.what());
  } catch (const std::bad_alloc&) {
    return fail(SENTIO_SYSTEM, "there is not enough memory");
  } catch (const std::exception& error) {
    return fail(SENTIO_INTERNAL, error.what());
  } catch (...) {
    return fail(SENTIO_INTERNAL, "an exception of an unknown type");
  }
}

// Leaves the reason in sentio_last_error, where the model has failed.
void tell_failure(Status status, const Session& session) noexcept;

}  // namespace sentio::c
