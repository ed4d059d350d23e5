// Prints how often on_bar allocates with a bundle and one of its backends: bars on stdin (ts open high low
// close volume), least, median and most of the bars that gave a prediction.
#include <algorithm>
#include <iostream>

#include "counted_new.hpp"
#include "sentio/error.hpp"
#include "sentio/session.hpp"

int main(int count, char** words) {
  if (count != 3) return 2;
  try {
    const auto bundle = sentio::Bundle::load(words[1], {.backend = words[2]});
    sentio::Session session(bundle, {.interval_ns = bundle->manifest().interval_ns});
    std::vector<std::int64_t> counts;
    sentio::Bar bar{};
    while (std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume) {
      const std::int64_t before = sentio::test::allocations;
      const sentio::Outcome outcome = session.on_bar(bar);
      const std::int64_t taken = sentio::test::allocations - before;
      if (outcome.prediction) counts.push_back(taken);
    }
    if (counts.empty()) return 1;
    std::ranges::sort(counts);
    std::cout << counts.front() << ' ' << counts[counts.size() / 2] << ' ' << counts.back() << '\n';
  } catch (const sentio::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
