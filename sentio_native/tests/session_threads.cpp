// Sessions in threads over one bundle, all at once: prints `thread ts value` of every prediction. Its
// arguments are the bundle and the backend, its input bars (ts open high low close volume).
// tests/runtime/test_runtime_bits.py runs it.
#include <barrier>
#include <iostream>
#include <thread>
#include <utility>
#include <vector>

#include "sentio/error.hpp"
#include "sentio/session.hpp"

int main(int count, char** words) {
  if (count != 3) return 2;
  constexpr std::size_t kThreads = 4;
  std::vector<sentio::Bar> bars;
  for (sentio::Bar bar{}; std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume;)
    bars.push_back(bar);
  try {
    const auto bundle = sentio::Bundle::load(words[1], {.backend = words[2]});
    std::vector<std::pair<std::int64_t, double>> said[kThreads];
    std::barrier start(static_cast<std::ptrdiff_t>(kThreads));
    {
      std::vector<std::jthread> threads;
      for (auto& own : said) {
        threads.emplace_back([&] {
          sentio::Session session(bundle, {.interval_ns = bundle->manifest().interval_ns});
          start.arrive_and_wait();
          for (const sentio::Bar& bar : bars) {
            if (const auto outcome = session.on_bar(bar); outcome.prediction)
              own.emplace_back(bar.ts, outcome.prediction->value);
          }
        });
      }
    }
    std::cout.precision(9);  // which tell every float32 from its neighbours
    for (std::size_t k = 0; k < kThreads; ++k) {
      for (const auto& [ts, value] : said[k]) std::cout << k << ' ' << ts << ' ' << value << '\n';
    }
  } catch (const sentio::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
