// What tpa_test tells of a run on paper, on the screen or as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bar_feed.hpp"
#include "paper_account.hpp"
#include "sentio/strategy_tfa.hpp"

namespace sentio::cli {

struct PaperRun {
  std::vector<PaperResult> days;
  PaperResult total;
  std::vector<std::int64_t> latencies;  // nanoseconds from bar to logit
  std::int64_t bars_in_training = 0;    // traded bars no later than the end of the validation span
};

struct PaperReport {
  const std::string& symbol;
  double cost_bp;
  const TFAStrategy& strategy;
  const BarFeed& feed;
  PaperRun run;
};

// Warnings go to stderr.
void print_screen(const PaperReport& report);
void print_json(const PaperReport& report);

}  // namespace sentio::cli
