// Where tpa_test has its bars from, one at a time. A further kind of feed is a further file X_feed.cpp with a
// function open_X_feed here, and an option of tpa_test that asks for it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sentio/bar.hpp"
#include "sentio/bundle.hpp"

namespace sentio::cli {

struct FeedOrigin {
  std::string place;                    // a folder or a file
  std::optional<bool> simulated;        // none: it does not say
  std::optional<std::string> entry_id;  // of a cache entry
};

// Bars of the bundle's interval, oldest first, read in memory that does not grow with their number. It is
// read twice: first whole, to find out whether all is good and where the last days begin, then to trade.
class BarFeed {
 public:
  explicit BarFeed(FeedOrigin origin) : origin_(std::move(origin)) {}
  virtual ~BarFeed() = default;
  BarFeed(const BarFeed&) = delete;
  BarFeed& operator=(const BarFeed&) = delete;

  [[nodiscard]] const FeedOrigin& origin() const noexcept { return origin_; }

  // The next bar; none behind the last, provided that all were good. Throws Failure(bad_input) or
  // Error(corrupt) where they were not, or where a later reading is not of the same bytes.
  [[nodiscard]] virtual std::optional<Bar> next() = 0;

  // The features [F] of the bar that next() gave, until its next call; empty where the feed has none.
  [[nodiscard]] virtual std::span<const float> features() { return {}; }

  // Begin again, once next() has said that there are no more bars.
  virtual void rewind() = 0;

 private:
  FeedOrigin origin_;
};

// The newest entry of that symbol whose spec and interval are the bundle's, every file of it verified.
// Throws Failure(bad_input), naming the command that makes one, where there is none; Error(corrupt) where it
// is damaged.
[[nodiscard]] std::unique_ptr<BarFeed> open_cache_feed(const std::filesystem::path& root,
                                                       const std::string& symbol, const Bundle& bundle);

// A file with the header ts,open,high,low,close,volume; ts is the bar's open as UTC epoch in s, ms, us or ns.
// Throws Failure(bad_input) where it cannot be opened or is no plain file; next() does, with line numbers,
// where a line does not parse, a bar breaks its contract, or the bars' distance is not the bundle's interval.
[[nodiscard]] std::unique_ptr<BarFeed> open_csv_feed(const std::filesystem::path& file, const Bundle& bundle);

}  // namespace sentio::cli
