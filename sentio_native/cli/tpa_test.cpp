// sentio_cli tpa_test: a bundle trades the last days of a symbol on paper, one bar at a time.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>

#include "bar_feed.hpp"
#include "commands.hpp"
#include "nanoseconds.hpp"
#include "paper_account.hpp"
#include "paper_report.hpp"
#include "runtime/workspace.hpp"
#include "sentio/error.hpp"
#include "sentio/strategy_tfa.hpp"

namespace sentio::cli {
namespace {

namespace fs = std::filesystem;

struct Request {
  std::string symbol;
  std::int64_t days = 5;
  double cost_bp = 1.0;
  std::optional<fs::path> csv, dump;
  bool json = false;
  TFACfg cfg;
  LoadOptions load;
};

constexpr std::string_view kArguments[] = {"SYMBOL"};
constexpr Option kOptions[] = {
    {"--strategy", "NAME", "The strategy; there is one, tfa."},
    {"--days", "N", "Trade the last N UTC days that have bars; all before warm the engine up. Default 5."},
    {"--root", "DIR", "The project's folder; else SENTIO_ROOT or the nearest parent with specs/."},
    {"--model-id", "ID", "Of the bundle ROOT/artifacts/ID/VERSION. Default TFA."},
    {"--version", "VERSION", "Of the bundle. Default: the highest of v1, v2, ..."},
    {"--backend", "NAME", "Runs the model; else the first of the bundle's that this build has."},
    {"--trust", "PUBKEY", "Refuse a bundle that this Ed25519 public key (a PEM file) did not sign."},
    {"--interval", "INTERVAL", "The feed's bar length; refused where it is not the bundle's."},
    {"--csv", "FILE", "Bars from a file ts,open,high,low,close,volume (ts: UTC epoch) instead of the cache."},
    {"--cost-bp", "X", "Cost of a fill in basis points. Default 1.0."},
    {"--threshold", "X",
     "Long above probability X, short below 1 - X (returns: above X, below -X; classes: up or down above "
     "X)."},
    {"--confidence-floor", "X", "A signal with a strength below X is flat. Default 0."},
    {"--cooldown", "N", "Bars after a signal in which there is no other. Default 0."},
    {"--dump", "FILE", "Write every prediction: ts and the raw outputs with 9 digits, exactly a float32."},
    {"--json", "", "Print the result as one JSON document."},
};

// The highest of v1, v2, ...; v1 where there is none, for the error to name.
std::string newest_version(const TFACfg& cfg) {
  std::uint32_t newest = 1;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(cfg.folder().parent_path(), absent)) {
    const std::string name = entry.path().filename().string();
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (name[0] == 'v' && parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) {
      newest = std::max(newest, number);
    }
  }
  return "v" + std::to_string(newest);
}

Request read_request(const Arguments& arguments) {
  Request request{.symbol = arguments.plain(0), .json = arguments.has("--json")};
  const std::string strategy = arguments.value("--strategy").value_or("tfa");
  if (strategy != "tfa")
    throw Failure(Exit::usage, "--strategy: '" + strategy + "' is not a strategy; there is tfa");
  if (request.symbol.find('/') != std::string::npos || request.symbol.starts_with(".")) {
    throw Failure(Exit::usage, "SYMBOL: '" + request.symbol + "' is not a symbol");
  }
  if (const auto days = arguments.value("--days")) request.days = to_count("--days", *days);
  if (const auto cost = arguments.value("--cost-bp")) request.cost_bp = to_number("--cost-bp", *cost);
  if (request.cost_bp < 0) throw Failure(Exit::usage, "--cost-bp: is negative");
  request.csv = arguments.value("--csv");
  request.dump = arguments.value("--dump");
  request.load.backend = arguments.value("--backend").value_or("");
  request.load.trusted_key = arguments.value("--trust");
  TFACfg& cfg = request.cfg;
  cfg.root = find_root(arguments.value("--root").value_or(""));
  cfg.model_id = arguments.value("--model-id").value_or(cfg.model_id);
  cfg.version = arguments.value("--version").value_or(newest_version(cfg));
  if (const auto floor = arguments.value("--confidence-floor")) {
    cfg.confidence_floor = to_number("--confidence-floor", *floor);
  }
  if (const auto bars = arguments.value("--cooldown")) cfg.cooldown_bars = to_count("--cooldown", *bars);
  return request;
}

// The option's meaning depends on what the model gives, so it is applied when that is known.
void apply_threshold(TFACfg& cfg, OutputKind kind, const std::string& word) {
  const double threshold = to_number("--threshold", word);
  if (kind != OutputKind::forward_return) {
    const double least = kind == OutputKind::classes ? 0.0 : 0.5;
    if (threshold < least || threshold > 1.0)
      throw Failure(Exit::usage, "--threshold: is outside [" + std::string(least > 0 ? "0.5" : "0") + ", 1]");
    cfg.buy_probability = threshold;
    cfg.sell_probability = 1.0 - threshold;
  } else {
    if (threshold < 0.0) throw Failure(Exit::usage, "--threshold: is negative");
    cfg.buy_return = threshold;
    cfg.sell_return = -threshold;
  }
}

std::shared_ptr<const Bundle> load_bundle(const TFACfg& cfg, const LoadOptions& load) {
  const fs::path folder = cfg.folder();
  if (!fs::is_directory(folder)) {
    throw Failure(Exit::bad_input, folder.string() + ": there is no such bundle",
                  "sentio export --version " + cfg.version + " --verify");
  }
  return cfg.load_bundle(load);
}

// The first reading of a feed: it finds out whether all of it is good, and where the last `days` days begin.
FeedSurvey survey(BarFeed& feed, std::int64_t days) {
  FeedSurvey found;
  std::deque<std::int64_t> day_starts;  // of the last days, the number of their first bars
  std::int64_t days_seen = 0;
  for (; const std::optional<Bar> bar = feed.next(); ++found.bars) {
    if (found.bars == 0) found.first_ts = bar->ts;
    if (found.bars == 0 || day_of(bar->ts) != day_of(found.last_ts)) {
      ++days_seen;
      day_starts.push_back(found.bars);
      if (std::ssize(day_starts) > days) day_starts.pop_front();
    }
    found.last_ts = bar->ts;
  }
  if (days_seen == 0) throw Failure(Exit::bad_input, feed.origin().place + ": has no bars");
  if (days_seen < days) {
    throw Failure(Exit::usage, "--days: " + std::to_string(days) + " are asked for, there are bars of " +
                                   std::to_string(days_seen));
  }
  found.first_traded = day_starts.front();
  feed.rewind();
  return found;
}

class DumpFile {
 public:
  DumpFile(const fs::path& path, const BundleManifest& manifest)
      : path_(path), stream_(path, std::ios::binary) {
    stream_ << "ts";
    if (manifest.classes.empty()) stream_ << ',' << describe(manifest.output);
    for (const std::string& name : manifest.classes) stream_ << ',' << name;
    stream_ << '\n';
  }

  void write(const Prediction& prediction) {
    stream_ << prediction.bar_ts;
    for (const double value : prediction.values.span()) {
      char text[32];
      stream_.write(text, std::snprintf(text, sizeof text, ",%.9g", value));
    }
    stream_ << '\n';
  }

  void close() {
    stream_.close();
    if (!stream_) throw Failure(Exit::resources, path_.string() + ": cannot be written");
  }

 private:
  fs::path path_;
  std::ofstream stream_;
};

// Streamed and cached features are the same bits, or one of them is not what the model was trained on.
void compare_features(BarFeed& feed, std::int64_t row, const Session& session) {
  const auto cached = feed.features(), streamed = session.features();
  if (cached.empty()) return;
  if (std::memcmp(streamed.data(), cached.data(), cached.size_bytes()) == 0) return;
  throw Error(ErrorCode::corrupt, feed.origin().place + ": row " + std::to_string(row) +
                                      " of features.npy is not what this engine computes from the bars");
}

void require_taken(Status status, std::int64_t row) {
  if (!is_refusal(status)) return;
  throw Failure(Exit::bad_input, "bar " + std::to_string(row) + ": " + std::string(describe(status)));
}

PaperRun trade(TFAStrategy& strategy, BarFeed& feed, const Request& request) {
  using Clock = std::chrono::steady_clock;
  const BundleManifest& manifest = strategy.session().bundle().manifest();
  PaperRun run{.survey = survey(feed, request.days)};
  PaperAccount account({.hold_bars = manifest.horizon, .cost = request.cost_bp * 1e-4});
  std::optional<DumpFile> dump;
  if (request.dump) dump.emplace(*request.dump, manifest);
  std::int64_t row = 0;
  std::optional<Bar> bar = feed.next();
  for (; row < run.survey.first_traded; ++row, bar = feed.next()) {
    require_taken(strategy.observe(*bar), row);
    compare_features(feed, row, strategy.session());
  }
  for (; bar; ++row) {
    const auto start = Clock::now();
    const Signal signal = strategy.on_bar(*bar);
    const auto took = Clock::now() - start;
    require_taken(signal.status, row);
    if (signal.status == Status::model_failed) {
      throw Failure(Exit::corrupt_store,
                    "bar " + std::to_string(row) + ": " + std::string(describe(signal.status)));
    }
    compare_features(feed, row, strategy.session());
    if (signal.prediction) {
      run.latencies.add(std::chrono::nanoseconds(took).count());
      if (dump) dump->write(*signal.prediction);
    }
    if (bar->ts <= manifest.validation.last_ts) ++run.bars_in_training;
    const std::optional<Bar> after = feed.next();
    account.on_bar(*bar, signal.side, !after || day_of(after->ts) != day_of(bar->ts));
    bar = after;
  }
  if (dump) dump->close();
  run.days = account.days();
  run.total = account.total();
  return run;
}

Exit run_command(const Arguments& arguments) {
  Request request = read_request(arguments);
  const auto bundle = load_bundle(request.cfg, request.load);
  const BundleManifest& manifest = bundle->manifest();
  if (const auto interval = arguments.value("--interval"); interval && *interval != manifest.interval) {
    throw Failure(Exit::usage, "--interval: the bundle's is " + manifest.interval + ", not " + *interval);
  }
  if (const auto threshold = arguments.value("--threshold")) {
    apply_threshold(request.cfg, manifest.output, *threshold);
  }
  if (manifest.interval_ns >= kDay) {
    throw Failure(Exit::usage,
                  "tpa_test: the bundle's bars are of " + manifest.interval +
                      ", and trading on paper ends flat every day: no signal of a day's last bar "
                      "is filled");
  }
  request.cfg.interval_ns = manifest.interval_ns;  // the feed is read as bars of the bundle's interval
  TFAStrategy strategy(request.cfg, bundle);
  const auto feed = request.csv ? open_csv_feed(*request.csv, *bundle)
                                : open_cache_feed(request.cfg.root, request.symbol, *bundle);
  PaperRun run = trade(strategy, *feed, request);
  const PaperReport report{request.symbol, request.cost_bp, strategy, feed->origin(), std::move(run)};
  request.json ? print_json(report) : print_screen(report);
  return Exit::done;
}

}  // namespace

const Command& tpa_test_command() {
  static constexpr Command command = {
      "tpa_test",
      "Let a bundle trade the last days of a symbol on paper, one bar at a time.",
      kArguments,
      kOptions,
      "sentio_cli tpa_test QQQ --strategy tfa --days 5",
      &run_command,
  };
  return command;
}

}  // namespace sentio::cli
