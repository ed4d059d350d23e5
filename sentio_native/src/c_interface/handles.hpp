// What the handles of the C interface hold, and what goes in and out of a session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "c_interface/structs.hpp"
#include "runtime/bar_table.hpp"
#include "sentio/session.hpp"

struct sentio_bundle {
  std::shared_ptr<const sentio::Bundle> bundle;
};

struct sentio_session {
  explicit sentio_session(sentio::Session session) : own(std::move(session)), read(*own) {}
  explicit sentio_session(const sentio::Session* of_a_strategy) : read(*of_a_strategy) {}
  sentio_session(const sentio_session&) = delete;
  sentio_session& operator=(const sentio_session&) = delete;

  std::optional<sentio::Session> own;  // none where it is a strategy's, which C sees as const
  const sentio::Session& read;
};

namespace sentio::c {

inline sentio_bundle* handed_out(std::shared_ptr<const Bundle> bundle) {
  return std::make_unique<sentio_bundle>(sentio_bundle{std::move(bundle)}).release();
}

inline Session& owned(sentio_session* session) {
  require(session != nullptr && session->own, "session is NULL, or a strategy's");
  return *session->own;
}

inline Bar from_c(const sentio_bar& bar) noexcept {
  return {bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume};
}

// The place of one of F features.
inline std::size_t place_of(std::int64_t feature, std::size_t width) {
  require(std::in_range<std::size_t>(feature) && std::cmp_less(feature, width),
          "feature is not one of the bundle's");
  return static_cast<std::size_t>(feature);
}

inline std::filesystem::path record_of(const char* record) {
  return optional_text(record, "options.record is empty: NULL records nothing");
}

[[nodiscard]] sentio_kind kind_of(OutputKind kind) noexcept;
[[nodiscard]] sentio_outcome to_c(const Outcome& outcome, const Bundle& bundle, std::int64_t ts) noexcept;

// What a session and a strategy do alike.
template <class Taker>
void warm_up(Taker& taker, const sentio_bar* bars, std::size_t count) {
  require(bars != nullptr || count == 0, "bars is NULL");
  BarTable table;
  for (const sentio_bar& bar : std::span(bars, count)) table.push_back(from_c(bar));
  taker.warm_up(table.columns());
}

template <class Taker>
void observe(Taker& taker, const sentio_bar* bar, sentio_status* status) {
  require(bar != nullptr && status != nullptr, "bar or status is NULL");
  *status = status_of(taker.observe(from_c(*bar)));
}

template <class Taker>
void save(const Taker& taker, void* state, std::size_t capacity, std::size_t* size) {
  require(size != nullptr && (state != nullptr || capacity == 0), "state or size is NULL");
  const auto bytes = taker.state();
  *size = bytes.size();
  require(bytes.size() <= capacity, "the state does not fit: its size is told");
  std::memcpy(state, bytes.data(), bytes.size());
}

template <class Taker>
void restore(Taker& taker, const void* state, std::size_t size) {
  require(state != nullptr || size == 0, "state is NULL");
  taker.restore({static_cast<const std::byte*>(state), size});
}

}  // namespace sentio::c
