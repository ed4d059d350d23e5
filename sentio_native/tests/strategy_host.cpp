// A trading process as a host would write it: bars on stdin (ts open high low close volume), one signal a
// line.
#include <iostream>
#include <memory>

#include "sentio/error.hpp"
#include "sentio/strategy_tfa.hpp"

int main() {
  try {
    sentio::TFACfg cfg;
    cfg.model_id = "TFA";
    cfg.version = "v1";
    cfg.interval_ns = 300'000'000'000;
    auto s = std::make_unique<sentio::TFAStrategy>(cfg);

    std::cout.precision(9);
    sentio::Bar bar{};
    while (std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume) {
      const sentio::Signal signal = s->on_bar(bar);
      if (!signal.prediction) {
        std::cout << bar.ts << ' ' << describe(signal.status) << '\n';
        continue;
      }
      std::cout << bar.ts << ' ' << describe(signal.side) << ' ' << signal.prediction->value << '\n';
    }
  } catch (const sentio::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
