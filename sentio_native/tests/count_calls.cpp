// Prints how often on_bar allocates, locks and writes with a bundle and one of its backends: bars on stdin
// (ts open high low close volume); for each of the three the least, the median and the most of the bars that
// gave a prediction.
#include <algorithm>
#include <iostream>
#include <vector>

#include "counted_calls.hpp"
#include "sentio/error.hpp"
#include "sentio/session.hpp"

namespace {

using sentio::test::Calls;

void print(const char* what, const std::vector<Calls>& calls, std::int64_t Calls::* of) {
  std::vector<std::int64_t> counts;
  for (const Calls& each : calls) counts.push_back(each.*of);
  std::ranges::sort(counts);
  std::cout << what << ' ' << counts.front() << ' ' << counts[counts.size() / 2] << ' ' << counts.back()
            << '\n';
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  try {
    const auto bundle = sentio::Bundle::load(words[1], {.backend = words[2]});
    sentio::Session session(bundle, {.interval_ns = bundle->manifest().interval_ns});
    std::vector<Calls> calls;
    sentio::Bar bar{};
    while (std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume) {
      const Calls before = sentio::test::calls_so_far();
      const sentio::Outcome outcome = session.on_bar(bar);
      const Calls taken = sentio::test::calls_so_far() - before;
      if (outcome.prediction) calls.push_back(taken);
    }
    if (calls.empty()) return 1;
    print("allocations", calls, &Calls::allocations);
    print("locks", calls, &Calls::locks);
    print("writes", calls, &Calls::writes);
  } catch (const sentio::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
