// Trading on paper: signals into fills, fills into returns, by one simple rule.
//
// A signal that is given at a bar's close is filled at the next bar's open. Its position is held for
// `hold_bars` bars, a further signal of the same side begins them anew, one of the other side reverses it. At
// the day's last close the position is closed, and a signal given there is not filled. Every fill costs a
// share of what is traded; a trade's return is compounded, whole equity in each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sentio/bar.hpp"
#include "sentio/strategy_tfa.hpp"

namespace sentio::cli {

struct PaperRule {
  std::int64_t hold_bars = 1;
  double cost = 0;  // of a fill, as a share of what is traded: 1e-4 is one basis point
};

struct PaperResult {
  std::int64_t day = 0;  // counted from 1970, UTC
  std::int64_t bars = 0;
  std::int64_t signals = 0;  // long or short
  std::int64_t trades = 0;   // closed positions
  std::int64_t hits = 0;     // trades that gained, after cost
  double growth = 1;         // equity at the end over equity at the start

  [[nodiscard]] std::optional<double> hit_rate() const noexcept;
};

class PaperAccount {
 public:
  explicit PaperAccount(const PaperRule& rule) noexcept : rule_(rule) {}

  // The next bar, with the side that was signalled at its close. `ends_day`: it is its day's last.
  void on_bar(const Bar& bar, Side side, bool ends_day);

  [[nodiscard]] const std::vector<PaperResult>& days() const noexcept { return days_; }
  [[nodiscard]] PaperResult total() const noexcept;

 private:
  void move_to(Side side, double price) noexcept;

  PaperRule rule_;
  std::vector<PaperResult> days_;
  Side wanted_ = Side::flat;
  Side position_ = Side::flat;
  double entry_ = 0;
  std::int64_t bars_left_ = 0;
};

// Of fewer days a Sharpe ratio says nothing: its standard error, about sqrt(252 / n) (Lo 2002, "The
// Statistics of Sharpe Ratios"), is then above 3.5.
inline constexpr std::size_t kLeastSharpeDays = 20;

// Mean over deviation (n - 1) of the days' returns, times sqrt(252); none for fewer than 20 days, or days
// that are all alike.
[[nodiscard]] std::optional<double> sharpe_ratio(std::span<const PaperResult> days);

}  // namespace sentio::cli
