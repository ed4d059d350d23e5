// The digests of specs, and of one that holds every op: SHA-256 of their features and of the engine's state
// over fixed bars, to compare builds.
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "every_op.hpp"
#include "made_bars.hpp"
#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sha256.hpp"

namespace {

using namespace sentio;

// Enough for a matrix of 55 features to be written past the caches, which is another loop.
constexpr std::size_t kBars = 20'000;

// A walk made of integers and of single additions and products, with what is rare in a market: rest, bars
// without a trade, prices on a grid, holes, and a jump to another level.
BarTable fixed_bars() {
  BarTable bars = test::make_bars(kBars, 390, test::kMinute);
  for (std::size_t i = 0; i < kBars; ++i) {
    const std::size_t hour = i / 60;
    for (std::vector<double>* column : {&bars.open, &bars.high, &bars.low, &bars.close}) {
      double& price = (*column)[i];
      if (hour % 10 == 7) {
        price = bars.close[60 * hour - 1];
        continue;
      }
      if (hour % 10 == 3) price = static_cast<double>(static_cast<std::int64_t>(price * 16.0)) / 16.0;
      if (i >= kBars / 2) price *= 1000.0;
    }
    if (i % 101 == 0 || hour % 20 == 7) bars.volume[i] = 0.0;
    bars.ts[i] += static_cast<std::int64_t>(i / 1000) * 90 * 24 * 60 * test::kMinute;
  }
  return bars;
}

std::string text_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::missing, std::string(path) + " cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Value>
std::string digest(const std::vector<Value>& values) {
  return to_hex(sha256(std::as_bytes(std::span(values))));
}

void print_digests(const std::string& name, const std::shared_ptr<const Plan>& plan, const BarTable& bars) {
  std::vector<float> out(bars.size() * plan->width());
  const auto print = [&](const char* how, const Engine& engine) {
    std::cout << name << ' ' << how << ' ' << digest(out) << ' ' << digest(engine.state()) << '\n';
  };

  Engine batch(plan);
  batch.compute(bars.columns(), out);
  print("batch", batch);

  out.assign(out.size(), 0.0F);
  Engine stream(plan);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const std::span row = std::span(out).subspan(i * plan->width(), plan->width());
    if (const BarFault fault = stream.step(bars[i], row); fault != BarFault::none) {
      throw Error(ErrorCode::bad_bars, "bar " + std::to_string(i) + ": " + std::string(describe(fault)));
    }
  }
  print("stream", stream);
}

}  // namespace

// With no argument: the instruction sets that SENTIO_ISA may name here, a line each. With specs' files: a
// line for each, and for `every_op`, and each way of running it: name, way, digest of the float32 features,
// digest of the state.
int main(int count, char** words) {
  try {
    if (count < 2) {
      for (const std::string_view name : instruction_sets()) std::cout << name << '\n';
      return 0;
    }
    const BarTable bars = fixed_bars();
    for (int k = 1; k < count; ++k) print_digests(words[k], Plan::compile(text_of(words[k])), bars);
    print_digests("every_op", test::plan_of_every_op(), bars);
  } catch (const Error& error) {
    std::cerr << "sentio_digest: " << error.what() << '\n';
    return 1;
  }
}
