// The report's words and figures.
#include "paper_report.hpp"

#include <cstdio>

#include "json.hpp"
#include "screen.hpp"

namespace sentio::cli {
namespace {

std::vector<std::string> warnings_of(const PaperReport& report) {
  const BundleManifest& manifest = report.strategy.session().bundle().manifest();
  const FeedOrigin& origin = report.origin;
  const PaperRun& run = report.run;
  std::vector<std::string> warnings;
  if (manifest.simulated && origin.simulated != true) {
    warnings.emplace_back(
        "the model was trained on SIMULATED bars, these bars are real or of unknown origin: "
        "its figures mean nothing here");
  }
  if (!manifest.simulated && origin.simulated == true) {
    warnings.emplace_back("the model was trained on real bars, these bars are SIMULATED");
  }
  if (run.bars_in_training > 0) {
    warnings.push_back(std::to_string(run.bars_in_training) + " of the " + std::to_string(run.total.bars) +
                       " traded bars are not later than those that the model was trained and chosen on");
  }
  if (run.latencies.count() == 0) {
    warnings.emplace_back("no prediction was made: the window was never full of valid rows");
  } else if (run.total.signals == 0) {
    warnings.emplace_back("no prediction passed the thresholds: no signal, no trade");
  } else if (run.total.trades == 0) {
    warnings.emplace_back("no signal could be filled: no trade");
  }
  return warnings;
}

std::string sides_text(const TFACfg& cfg, OutputKind kind) {
  const char* words = "long above probability %g, short below %g";
  double buy = cfg.buy_probability, sell = cfg.sell_probability;
  if (kind == OutputKind::forward_return) {
    words = "long above return %g, short below %g";
    buy = cfg.buy_return;
    sell = cfg.sell_return;
  } else if (kind == OutputKind::classes) {
    words = "long above probability of up %g, short above that of down %g, each above the other";
    sell = 1.0 - cfg.sell_probability;
  }
  char text[160];
  std::snprintf(text, sizeof text, words, buy, sell);
  return text;
}

std::string rule_text(const PaperReport& report) {
  const TFACfg& cfg = report.strategy.config();
  const BundleManifest& manifest = report.strategy.session().bundle().manifest();
  char text[512];
  std::snprintf(
      text, sizeof text,
      "%s, floor %g, cooldown %lld bars; filled at the next open, held %lld bars from the last signal of its "
      "side, flat at the day's end; %g bp a fill",
      sides_text(cfg, manifest.output).c_str(), cfg.confidence_floor,
      static_cast<long long>(cfg.cooldown_bars), static_cast<long long>(manifest.horizon), report.cost_bp);
  return text;
}

double microseconds(const LatencyHistogram& latencies, double q) {
  return static_cast<double>(latencies.quantile(q)) / 1e3;
}

Json optional_json(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json result_json(const PaperResult& result) {
  return {{"bars", result.bars},
          {"signals", result.signals},
          {"trades", result.trades},
          {"hit_rate", optional_json(result.hit_rate())},
          {"return", result.growth - 1.0}};
}

void print_row(const std::string& label, const PaperResult& result) {
  char hit_rate[16] = "n/a";
  if (const auto rate = result.hit_rate()) std::snprintf(hit_rate, sizeof hit_rate, "%.3f", *rate);
  std::printf("%-10s  %7lld  %7lld  %7lld  %8s  %+9.4f %%\n", label.c_str(),
              static_cast<long long>(result.bars), static_cast<long long>(result.signals),
              static_cast<long long>(result.trades), hit_rate, 100.0 * (result.growth - 1.0));
}

}  // namespace

void print_screen(const PaperReport& report) {
  const Bundle& bundle = report.strategy.session().bundle();
  const FeedOrigin& origin = report.origin;
  const PaperRun& run = report.run;
  const BundleManifest& manifest = bundle.manifest();
  const char* kind = origin.simulated == true    ? "SIMULATED bars"
                     : origin.simulated == false ? "real bars"
                                                 : "bars of a CSV file";
  std::printf("%s %s, %s, model trained on %s bars, traded on paper\n", report.symbol.c_str(),
              manifest.interval.c_str(), kind, manifest.simulated ? "SIMULATED" : "real");
  std::printf("bundle    %s %s, %s, id %s\n", manifest.model_id.c_str(), manifest.version.c_str(),
              manifest.backend.c_str(), bundle.id().c_str());
  std::printf("bars      %s\n", origin.place.c_str());
  const auto bars = static_cast<long long>(run.survey.bars);
  std::printf("          %lld from %s to %s\n", bars, time_text(run.survey.first_ts).c_str(),
              time_text(run.survey.last_ts).c_str());
  if (origin.entry_id) {
    std::printf("features  %lld rows streamed, each equal to the cache to the bit\n", bars);
  }
  std::printf("rule      %s\n\n", rule_text(report).c_str());

  std::printf("%-10s  %7s  %7s  %7s  %8s  %11s\n", "day (UTC)", "bars", "signals", "trades", "hit rate",
              "return");
  for (const PaperResult& day : run.days) print_row(date_text(day.day), day);
  print_row("total", run.total);

  const auto sharpe = sharpe_ratio(run.days);
  char text[40] = "n/a";
  if (sharpe) {
    std::snprintf(text, sizeof text, "%.2f", *sharpe);
  } else if (run.days.size() < kLeastSharpeDays) {
    std::snprintf(text, sizeof text, "n/a for fewer than %zu days", kLeastSharpeDays);
  }
  std::printf("\nSharpe of the daily returns, times sqrt(252): %s\n", text);
  if (run.latencies.count() > 0) {
    std::printf("latency from bar to prediction: p50 %.1f us, p99 %.1f us, p99.9 %.1f us, over %lld bars\n",
                microseconds(run.latencies, 0.50), microseconds(run.latencies, 0.99),
                microseconds(run.latencies, 0.999), static_cast<long long>(run.latencies.count()));
  }
  for (const std::string& warning : warnings_of(report)) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
}

void print_json(const PaperReport& report) {
  const Bundle& bundle = report.strategy.session().bundle();
  const FeedOrigin& origin = report.origin;
  const PaperRun& run = report.run;
  const BundleManifest& manifest = bundle.manifest();
  Json days = Json::array();
  for (const PaperResult& day : run.days) {
    days.push_back(result_json(day));
    days.back()["date"] = date_text(day.day);
  }
  Json latency;
  if (run.latencies.count() > 0) {
    latency = {{"bars", run.latencies.count()},
               {"p50_us", microseconds(run.latencies, 0.50)},
               {"p99_us", microseconds(run.latencies, 0.99)},
               {"p999_us", microseconds(run.latencies, 0.999)}};
  }
  const Json document = {
      {"bundle", bundle.id()},
      {"model_id", manifest.model_id},
      {"version", manifest.version},
      {"backend", manifest.backend},
      {"symbol", report.symbol},
      {"interval", manifest.interval},
      {"simulated",
       {{"model", manifest.simulated}, {"bars", origin.simulated ? Json(*origin.simulated) : Json()}}},
      {"bars", run.survey.bars},
      {"origin", origin.place},
      {"entry", origin.entry_id ? Json(*origin.entry_id) : Json()},
      {"features_equal_cache", origin.entry_id ? Json(run.survey.bars) : Json()},
      {"rule", rule_text(report)},
      {"days", days},
      {"total", result_json(run.total)},
      {"sharpe", optional_json(sharpe_ratio(run.days))},
      {"latency", latency},
      {"warnings", warnings_of(report)},
  };
  std::printf("%s\n", document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace sentio::cli
