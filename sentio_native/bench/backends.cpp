// sentio_backend_bench BUNDLE CALLS: what one forward costs at batch 1 on each backend that this build has.
//
// Prints one JSON object: for each backend, the nanoseconds of CALLS forwards of the calling thread, each
// timed alone, after the bundle's goldens have warmed the model.
#include <time.h>

#include <cstdint>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "sentio/bundle.hpp"

namespace {

using namespace sentio;

std::int64_t nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void print_figures(const std::string& folder, const std::string& backend, std::size_t calls) {
  const auto bundle = Bundle::load(folder, {.backend = backend});
  std::mt19937 draw(1);
  std::vector<float> window(bundle->manifest().window.size());
  std::vector<float> outputs(bundle->manifest().n_outputs());
  std::vector<std::int64_t> times(calls);
  float sum = 0;
  for (std::int64_t& time : times) {
    for (float& value : window) value = static_cast<float>(draw()) / 4294967296.0F;
    const std::int64_t started = nanoseconds();
    bundle->model().run(window, outputs);
    time = nanoseconds() - started;
    sum += outputs.front();
  }
  std::cout << '"' << backend << "\": {\"sum\": " << sum << ", \"ns\": [";
  for (std::size_t k = 0; k < times.size(); ++k) std::cout << (k > 0 ? "," : "") << times[k];
  std::cout << "]}";
}

void run(int words, char** word) {
  if (words != 3) throw std::runtime_error("usage: sentio_backend_bench BUNDLE CALLS");
  const std::size_t calls = count(word[2]);
  const auto first = Bundle::load(word[1]);
  const char* between = "{";
  for (const std::string& held : first->manifest().backends) {
    for (const std::string& known : model_backends()) {
      if (held != known) continue;
      std::cout << between;
      print_figures(word[1], held, calls);
      between = ", ";
    }
  }
  std::cout << "}\n";
}

}  // namespace

int main(int count, char** words) {
  try {
    run(count, words);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
