// A session: bars of one symbol in, predictions out, exactly as the model was trained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "sentio/bar.hpp"
#include "sentio/bundle.hpp"
#include "sentio/drift.hpp"
#include "sentio/engine.hpp"
#include "sentio/export.hpp"
#include "sentio/prediction.hpp"

namespace sentio {

// What became of a bar.
enum class Status : std::uint8_t {
  predicted,     // taken, and a prediction was made
  warming_up,    // taken; the window is not yet full of valid rows (of one session, where the bundle says so)
  model_failed,  // taken; the model failed, or its output is not a number, or is to be a probability and is
                 // none
  // Refused; nothing has changed:
  not_later,     // its time is not later than the bar before
  too_early,     // it follows the bar before by less than the bundle's interval
  not_a_number,  // a price or the volume is NaN
  price_range,   // as BarFault
  high_low,      // as BarFault
  volume_range,  // as BarFault
};

[[nodiscard]] SENTIO_API std::string_view describe(Status status) noexcept;
[[nodiscard]] constexpr bool is_refusal(Status status) noexcept {
  return status >= Status::not_later;
}

struct Outcome {
  Status status = Status::warming_up;
  std::optional<Prediction> prediction{};  // where status is `predicted`
};

struct SessionOptions {
  // The length of the feed's bars in nanoseconds; it must be said, and must be the bundle's.
  std::int64_t interval_ns;
  // A new file in which to write down every bar that is taken, its features and what was predicted, for
  // `sentio replay`: docs/reference/record.md. Empty: none. One write to the file a bar, nothing allocated.
  std::filesystem::path record{};
};

// Internal to the library.
class RecordWriter;
class StateRecord;

// Not thread-safe; sessions on one bundle are independent of each other.
class SENTIO_API Session {
 public:
  // Throws as Bundle::load; Error(bad_argument) where there is no bundle, where the feed's interval is not
  // the bundle's, or the file to record in is there already; std::system_error where it cannot be made.
  [[nodiscard]] static Session load(const std::filesystem::path& folder, const SessionOptions& options,
                                    const LoadOptions& load = {});
  Session(std::shared_ptr<const Bundle> bundle, const SessionOptions& options);

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  Session& operator=(const Session&) = delete;
  ~Session();

  // Another session that goes on from here by itself, on the same bundle, and records nothing.
  [[nodiscard]] Session clone() const { return *this; }

  // Nothing has changed where one of the functions below throws, be it for want of memory; nor has the
  // record.

  // Take past bars, oldest first, without asking the model.
  // Throws Error(bad_bars) naming the first refused bar.
  void warm_up(const BarColumns& history);

  // All that predictions depend on, and the counters of drift, as bytes: docs/reference/session_state.md.
  [[nodiscard]] std::vector<std::byte> state() const;
  // Go on from such bytes, or from an engine's snapshot, such as the bundle's own. The latter holds no rows
  // of features: predictions then begin when the window is full, T bars later. Drift is counted anew after
  // the latter, and after the state of another bundle's session. Throws Error(bad_state) where they are
  // damaged or not of this interval, spec and window; a snapshot does not tell the interval.
  void restore(std::span<const std::byte> state);

  // Take the bar that has just closed, and predict.
  [[nodiscard]] Outcome on_bar(const Bar& bar) noexcept;

  // The same, without asking the model: `predicted` then means that it could have been asked.
  [[nodiscard]] Status observe(const Bar& bar) noexcept;

  // What on_bar would return if the bar closed as it is now; nothing is committed. Costs as on_bar, and a
  // rebuilding of the engine's windows. Allocates when first called and while the engine warms up; where
  // there is no memory then, it is Status::model_failed, and failure() says why.
  [[nodiscard]] Outcome peek(const Bar& bar) noexcept;

  // Go on with another bundle, from the next bar on, and return the one before, for the caller to drop when
  // there is time. What the session has seen is kept, so the two must have the same input: interval, spec
  // hash, window and its session rule. Throws Error(bad_argument) where they differ, or there is none: warm a
  // session of the new bundle up, and hand that over. Drift is counted anew.
  std::shared_ptr<const Bundle> swap(std::shared_ptr<const Bundle> bundle);
  // The same with a session of another input, which must have taken the same last bar. Its drift goes on, and
  // so does this session's record; one that `warmed` had ends here. Throws Error(bad_argument) where the last
  // bar or the interval is another, or the number of features of a session that records; `warmed` is then as
  // it was.
  std::shared_ptr<const Bundle> swap(Session&& warmed);

  // How the valid rows of the bars that on_bar and observe took lie against the training rows; the history of
  // warm_up is not counted.
  [[nodiscard]] const Drift& drift() const noexcept { return drift_; }
  // Count anew from the next bar on. The record, where there is one, says so.
  void reset_drift();

  // The last bar's features [F]; meaningless before the first bar since the beginning or a restoring.
  [[nodiscard]] std::span<const float> features() const noexcept { return row_; }
  // Why the model, or a peek, failed, after Status::model_failed, where it said so.
  [[nodiscard]] std::exception_ptr failure() const noexcept { return failure_; }
  [[nodiscard]] std::int64_t bars_seen() const noexcept { return engine_.bars_seen(); }
  // Bars that did not come where their neighbours did, in units of the interval. Without a calendar, a gap as
  // long as the spec's session gap cannot be told from a closed market, and counts none: nor does an outage
  // of 4 hours, by the default gap. None where one missing bar makes such a gap, which is where the interval
  // is at least half of it: bars of 2 hours and more, by the default.
  [[nodiscard]] std::optional<std::int64_t> bars_missing() const noexcept;
  // The last bar's time, none before the first bar.
  [[nodiscard]] std::optional<std::int64_t> last_ts() const noexcept { return engine_.last_ts(); }
  // Why recording has ended early, where it has: the disk is full, for one. Predictions go on.
  [[nodiscard]] std::error_code recording_error() const noexcept;
  [[nodiscard]] const Bundle& bundle() const noexcept { return *bundle_; }

 private:
  friend class SessionBatch;

  // The last T rows of features, contiguous, oldest first.
  class Window {
   public:
    explicit Window(const WindowShape& shape);

    void push(std::span<const float> row) noexcept;
    // Put the newest row's place back to what it was before it: `oldest` stood there, of `count` rows.
    void undo(std::span<const float> oldest, std::size_t count) noexcept;
    void clear() noexcept { count_ = 0; }
    [[nodiscard]] bool full() const noexcept { return count_ == rows_; }
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] std::span<const float> values() const noexcept;
    // The row that the next one replaces.
    [[nodiscard]] std::span<const float> oldest() const noexcept;
    // Those that are there, oldest first.
    [[nodiscard]] std::span<const float> newest() const noexcept;

   private:
    void write(std::span<const float> row) noexcept;

    std::size_t rows_, width_;
    std::vector<float> values_;  // a ring of T rows, written twice: the last T are then always contiguous
    std::size_t next_ = 0;
    std::size_t count_ = 0;
  };

  Session(const Session& other);

  [[nodiscard]] Status take(const Bar& bar) noexcept;
  [[nodiscard]] Status advance(const Bar& bar) noexcept;
  [[nodiscard]] bool has_valid_row() const noexcept {
    return engine_.bars_seen() > bundle_->plan()->first_valid_row();
  }
  [[nodiscard]] bool is_too_early(const Bar& bar) const noexcept;
  [[nodiscard]] bool opens_session_after(std::int64_t before, std::int64_t ts,
                                         bool& closer_seen) const noexcept;
  [[nodiscard]] std::int64_t missing_between(std::int64_t before, std::int64_t ts) const noexcept;
  [[nodiscard]] Outcome predict(std::span<const float> window, std::int64_t bar_ts) noexcept;
  [[nodiscard]] Outcome outcome_of(std::span<const float> outputs, std::int64_t bar_ts) const noexcept;
  void record_bar(const Bar& bar, bool asked, const Outcome& outcome) noexcept;
  [[nodiscard]] StateRecord state_record() const;
  [[nodiscard]] Drift read_drift(std::span<const std::byte> bytes, std::int64_t most_rows) const;
  void go_on_as(Session&& other);

  std::shared_ptr<const Bundle> bundle_;
  Engine engine_;
  Window window_;
  Drift drift_;
  std::vector<float> row_;
  std::vector<float> forming_, replaced_;  // what peek() needs for a moment
  bool closer_seen_ = false;               // the session rule's memory
  std::int64_t bars_missing_ = 0;
  std::exception_ptr failure_;
  bool in_batch_ = false;  // waits for the answer of a SessionBatch
  std::unique_ptr<RecordWriter> recorder_;
};

}  // namespace sentio
