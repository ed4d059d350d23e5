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
#include <vector>

#include "sentio/bar.hpp"
#include "sentio/bundle.hpp"
#include "sentio/engine.hpp"

namespace sentio {

// What became of a bar.
enum class Status : std::uint8_t {
  predicted,     // taken, and a prediction was made
  warming_up,    // taken; the window is not yet full of valid rows (of one session, where the bundle says so)
  model_failed,  // taken; the model failed or its output is not a number
  // Refused; nothing has changed:
  not_later,     // its time is not later than the bar before
  too_early,     // it follows the bar before by less than the bundle's interval
  price_range,   // as BarFault
  high_low,      // as BarFault
  volume_range,  // as BarFault
};

[[nodiscard]] std::string_view describe(Status status) noexcept;
[[nodiscard]] constexpr bool is_refusal(Status status) noexcept {
  return status >= Status::not_later;
}

struct Prediction {
  double value = 0;  // raw: a logit, or a return in the label's unit
  OutputKind kind = OutputKind::logit;
  std::int64_t horizon = 1;  // bars that the value looks ahead
  std::int64_t bar_ts = 0;   // open of the bar after whose close it was made

  // Of a rise; none where the value is a return.
  [[nodiscard]] std::optional<double> probability() const noexcept;
};

struct Outcome {
  Status status = Status::warming_up;
  std::optional<Prediction> prediction{};  // where status is `predicted`
};

struct SessionOptions {
  // The length of the feed's bars; refused where it is not the bundle's. None: the caller vouches for it.
  std::optional<std::int64_t> interval_ns{};
};

// Not thread-safe; sessions on one bundle are independent of each other. Copying one clones it.
class Session {
 public:
  // Throws as Bundle::load, and Error(bad_argument) where the feed's interval is not the bundle's.
  [[nodiscard]] static Session load(const std::filesystem::path& folder, const SessionOptions& options = {});
  explicit Session(std::shared_ptr<const Bundle> bundle, const SessionOptions& options = {});

  // Take past bars, oldest first, without asking the model.
  // Throws Error(bad_bars) naming the first refused bar; nothing has changed then.
  void warm_up(const BarColumns& history);

  // Go on from an engine's snapshot, such as the bundle's own. It holds no rows of features: predictions
  // begin when the window is full, T bars later. Throws Error(bad_state), and changes nothing, where it is
  // not of this spec.
  void restore(std::span<const std::byte> engine_state);

  // Take the bar that has just closed, and predict.
  [[nodiscard]] Outcome on_bar(const Bar& bar) noexcept;

  // The same, without asking the model: `predicted` then means that it could have been asked.
  [[nodiscard]] Status observe(const Bar& bar) noexcept;

  // The last bar's features [F]; meaningless before the first bar.
  [[nodiscard]] std::span<const float> features() const noexcept { return row_; }
  // Why the model failed, after Status::model_failed, where it said so.
  [[nodiscard]] std::exception_ptr failure() const noexcept { return failure_; }
  [[nodiscard]] std::int64_t bars_seen() const noexcept { return engine_.bars_seen(); }
  [[nodiscard]] const Bundle& bundle() const noexcept { return *bundle_; }

 private:
  // The last T rows of features, contiguous, oldest first.
  class Window {
   public:
    explicit Window(const WindowShape& shape);

    void push(std::span<const float> row) noexcept;
    void clear() noexcept { count_ = 0; }
    [[nodiscard]] bool full() const noexcept { return count_ == rows_; }
    [[nodiscard]] std::span<const float> values() const noexcept;

   private:
    std::size_t rows_, width_;
    std::vector<float> values_;  // a ring of T rows, written twice: the last T are then always contiguous
    std::size_t next_ = 0;
    std::size_t count_ = 0;
  };

  std::shared_ptr<const Bundle> bundle_;
  Engine engine_;
  Window window_;
  std::vector<float> row_;
  bool closer_seen_ = false;  // the session rule's memory
  std::exception_ptr failure_;
};

}  // namespace sentio
