// A bundle's predictions bar by bar: trade BUNDLE SECONDS < bars, one "ts open high low close volume" a line,
// each bar of so many seconds.
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "sentio/error.hpp"
#include "sentio/session.hpp"

namespace {

void print_predictions(const char* bundle, std::int64_t seconds) {
  // Verifies every byte and replays the bundle's own examples first: a bundle that cannot be run exactly as
  // it was trained is refused here, before the first bar, and so is a feed of another interval.
  sentio::Session session = sentio::Session::load(bundle, {.interval_ns = seconds * 1'000'000'000});

  sentio::Bar bar{};
  std::cout.precision(std::numeric_limits<double>::max_digits10);
  while (std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume) {
    const sentio::Outcome outcome = session.on_bar(bar);
    std::cout << bar.ts << ' ' << sentio::describe(outcome.status);
    if (outcome.prediction) {  // one value, or one for each class
      for (const double value : outcome.prediction->values.span()) std::cout << ' ' << value;
    }
    std::cout << '\n';
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: trade BUNDLE SECONDS < bars\n";
    return 2;
  }
  try {
    print_predictions(arguments[1], std::atoll(arguments[2]));
  } catch (const sentio::Error& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
