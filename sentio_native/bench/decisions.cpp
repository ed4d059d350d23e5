// sentio_decision_bench BUNDLE BACKEND BARS COUNT hot|cold DECISIONS: what a bar costs until its decision.
//
// BARS holds records of int64 ts and float64 open, high, low, close, volume; the first COUNT go through a
// strategy, one at a time, each timed alone. cold: before each bar a buffer larger than the processor's last
// cache is read, so that neither state, weights nor code are in a cache. Writes float32 value (NaN: none) and
// int32 side of every bar into DECISIONS, and prints one JSON object: nanoseconds, to less than 0.8 %, of the
// bars that gave a decision, by the wall's clock and of the thread's processor time. The first is what a
// trader waits, the second leaves out the waiting for a core on a machine that others keep busy.
#include <time.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "latency_histogram.hpp"
#include "sentio/strategy_tfa.hpp"

namespace {

using namespace sentio;

constexpr std::size_t kLine = 64;  // bytes of a cache line
constexpr std::size_t kMoreThanAnyCache = 64U
                                          << 20U;  // twice the last cache of the machine that was measured

struct Decision {
  float value;
  std::int32_t side;
};

// Drives everything else out of the caches.
class Flood {
 public:
  void run() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < bytes_.size(); i += kLine) sum += bytes_[i];
    if (sum != bytes_.size() / kLine) throw std::runtime_error("memory is not what was written");
  }

 private:
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(kMoreThanAnyCache, 1);
};

struct Latencies {
  LatencyHistogram wall, processor;
};

std::int64_t processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Latencies measure(TFAStrategy& strategy, std::istream& bars, std::size_t left, bool cold,
                  std::ostream& decisions) {
  using Clock = std::chrono::steady_clock;
  Latencies latencies;
  Flood flood;
  for (; left > 0; --left) {
    Bar bar{};
    if (!bars.read(reinterpret_cast<char*>(&bar), sizeof bar))
      throw std::runtime_error("there are fewer bars");
    if (cold) flood.run();
    const std::int64_t processor_start = processor_time();
    const auto start = Clock::now();
    const Signal signal = strategy.on_bar(bar);
    const std::chrono::nanoseconds took = Clock::now() - start;
    const std::int64_t processor_took = processor_time() - processor_start;
    Decision decision{std::numeric_limits<float>::quiet_NaN(), static_cast<std::int32_t>(signal.side)};
    if (signal.prediction) {
      latencies.wall.add(took.count());
      latencies.processor.add(processor_took);
      decision.value = static_cast<float>(signal.prediction->value);
    } else if (signal.status != Status::warming_up) {
      throw std::runtime_error(std::string(describe(signal.status)));
    }
    decisions.write(reinterpret_cast<const char*>(&decision), sizeof decision);
  }
  return latencies;
}

std::string quantiles(const LatencyHistogram& latencies) {
  std::string text;
  for (const double q : {0.5, 0.99, 0.999}) {
    text += (text.empty() ? "[" : ", ") + std::to_string(latencies.quantile(q));
  }
  return text + "]";
}

void run(int words, char** word) {
  const std::string caches = words == 7 ? word[5] : "";
  if (caches != "hot" && caches != "cold") {
    throw std::runtime_error("usage: sentio_decision_bench BUNDLE BACKEND BARS COUNT hot|cold DECISIONS");
  }
  const auto bundle = Bundle::load(word[1], {.backend = word[2]});
  TFAStrategy strategy({.interval_ns = bundle->manifest().interval_ns}, bundle);
  std::ifstream bars(word[3], std::ios::binary);
  std::ofstream decisions(word[6], std::ios::binary);
  const Latencies latencies = measure(strategy, bars, count(word[4]), caches == "cold", decisions);
  decisions.close();
  if (!decisions) throw std::runtime_error(std::string(word[6]) + ": cannot be written");
  if (latencies.wall.count() == 0) throw std::runtime_error("no bar gave a decision");
  std::cout << "{\"bars\": " << latencies.wall.count() << ", \"wall\": " << quantiles(latencies.wall)
            << ", \"processor\": " << quantiles(latencies.processor) << "}\n";
}

}  // namespace

int main(int words, char** word) {
  try {
    run(words, word);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
