// Features bar by bar: features SPEC.json < bars, one "ts open high low close volume" a line; CSV to stdout.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "sentio/engine.hpp"
#include "sentio/error.hpp"
#include "sentio/plan.hpp"

namespace {

std::string read_text(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw sentio::Error(sentio::ErrorCode::missing, std::string(path) + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

void print_features(const char* spec_path) {
  const auto plan = sentio::Plan::compile(read_text(spec_path));
  std::cout << "ts";
  for (const sentio::FeatureInfo& feature : plan->features()) std::cout << ',' << feature.name;
  std::cout << '\n';

  sentio::Engine engine(plan);
  std::vector<float> row(plan->width());
  sentio::Bar bar{};
  std::cout.precision(std::numeric_limits<float>::max_digits10);  // enough to read the same bits back
  while (std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume) {
    const sentio::BarFault fault = engine.step(bar, row);
    if (fault != sentio::BarFault::none) {  // refused: the engine is as it was, and goes on with the next bar
      std::cerr << bar.ts << ": " << sentio::describe(fault) << '\n';
      continue;
    }
    std::cout << bar.ts;
    for (const float value : row) std::cout << ',' << value;
    std::cout << '\n';
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: features SPEC.json < bars\n";
    return 2;
  }
  try {
    print_features(arguments[1]);
  } catch (const sentio::Error& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
