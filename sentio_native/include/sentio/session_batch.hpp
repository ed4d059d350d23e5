// Sessions of many symbols that take a bar at the same time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "sentio/export.hpp"
#include "sentio/session.hpp"

namespace sentio {

// One call of the model for all of them, where its outputs do not depend on what else is in the batch
// (Model::is_batch_exact), else one for each: the bits are those of Session::on_bar either way.
// Not thread-safe.
class SENTIO_API SessionBatch {
 public:
  // Room for `most` sessions of that bundle in one call. Throws Error(bad_argument) where there is none, or
  // no room for one session, or for more than 2^20.
  SessionBatch(std::shared_ptr<const Bundle> bundle, std::size_t most);

  // bars[k] is for sessions[k], and outcomes[k] what became of it; a session of another bundle is asked
  // alone. Throws Error(bad_argument), and changes nothing, where the three differ in length or hold more
  // than `most`; nothing else.
  void on_bars(std::span<Session* const> sessions, std::span<const Bar> bars, std::span<Outcome> outcomes);

 private:
  void ask(std::span<Session* const> sessions, std::span<const Bar> bars,
           std::span<Outcome> outcomes) noexcept;
  void answer(std::span<Session* const> sessions, std::span<const Bar> bars,
              std::span<Outcome> outcomes) noexcept;
  [[nodiscard]] std::span<float> window(std::size_t place) noexcept;

  std::shared_ptr<const Bundle> bundle_;
  std::size_t most_;
  std::vector<float> windows_;        // [most, T, F]
  std::vector<float> outputs_;        // [most, C]
  std::vector<std::size_t> waiting_;  // the places of the sessions whose windows these are
};

}  // namespace sentio
