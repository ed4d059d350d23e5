// The rule of paper_account.hpp.
#include "paper_account.hpp"

#include <cmath>

#include "screen.hpp"

namespace sentio::cli {

std::optional<double> PaperResult::hit_rate() const noexcept {
  if (trades == 0) return std::nullopt;
  return static_cast<double>(hits) / static_cast<double>(trades);
}

void PaperAccount::on_bar(const Bar& bar, Side side, bool ends_day) {
  const std::int64_t day = day_of(bar.ts);
  if (days_.empty() || days_.back().day != day) days_.push_back({.day = day});
  PaperResult& today = days_.back();
  ++today.bars;
  if (side != Side::flat) ++today.signals;

  move_to(wanted_, bar.open);
  if (side != Side::flat) {
    wanted_ = side;
    bars_left_ = rule_.hold_bars;
  } else if (wanted_ != Side::flat && --bars_left_ == 0) {
    wanted_ = Side::flat;
  }
  if (ends_day) {
    wanted_ = Side::flat;
    move_to(Side::flat, bar.close);
  }
}

void PaperAccount::move_to(Side side, double price) noexcept {
  if (side == position_) return;
  PaperResult& today = days_.back();
  if (position_ != Side::flat) {
    const double gain = static_cast<double>(position_) * (price / entry_ - 1.0) - 2.0 * rule_.cost;
    today.growth *= 1.0 + gain;
    ++today.trades;
    if (gain > 0) ++today.hits;
  }
  position_ = side;
  entry_ = price;
}

PaperResult PaperAccount::total() const noexcept {
  PaperResult total;
  for (const PaperResult& day : days_) {
    total.bars += day.bars;
    total.signals += day.signals;
    total.trades += day.trades;
    total.hits += day.hits;
    total.growth *= day.growth;
  }
  return total;
}

std::optional<double> sharpe_ratio(std::span<const PaperResult> days) {
  constexpr double kTradingDays = 252;
  const auto count = static_cast<double>(days.size());
  if (days.size() < kLeastSharpeDays) return std::nullopt;
  double mean = 0, squares = 0;
  for (const PaperResult& day : days) mean += (day.growth - 1.0) / count;
  for (const PaperResult& day : days) squares += (day.growth - 1.0 - mean) * (day.growth - 1.0 - mean);
  if (squares == 0) return std::nullopt;
  return mean / std::sqrt(squares / (count - 1)) * std::sqrt(kTradingDays);
}

}  // namespace sentio::cli
