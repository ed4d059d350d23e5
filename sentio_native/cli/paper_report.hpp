// What tpa_test tells of a run on paper, on the screen or as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bar_feed.hpp"
#include "latency_histogram.hpp"
#include "paper_account.hpp"
#include "sentio/strategy_tfa.hpp"

namespace sentio::cli {

// What the first reading of a feed has found.
struct FeedSurvey {
  std::int64_t bars = 0;
  std::int64_t first_ts = 0, last_ts = 0;
  std::int64_t first_traded = 0;  // the number, from 0 on, of the bar that begins the traded days
};

struct PaperRun {
  FeedSurvey survey;
  std::vector<PaperResult> days;
  PaperResult total;
  LatencyHistogram latencies;         // nanoseconds from bar to prediction
  std::int64_t bars_in_training = 0;  // traded bars no later than the end of the validation span
};

struct PaperReport {
  const std::string& symbol;
  double cost_bp;
  const TFAStrategy& strategy;
  const FeedOrigin& origin;
  PaperRun run;
};

// Warnings go to stderr.
void print_screen(const PaperReport& report);
void print_json(const PaperReport& report);

}  // namespace sentio::cli
