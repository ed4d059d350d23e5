// Prints LibTorch's count of threads in threads that ask a bundle's model, before and after: its arguments
// are the bundle and the backend, its input bars (ts open high low close volume).
// tests/runtime/test_runtime_bits.py runs it.
#include <iostream>
#include <semaphore>
#include <thread>
#include <vector>

#include "sentio/error.hpp"
#include "sentio/session.hpp"

// As ATen/Parallel.h has them, which torch_model.cpp alone includes.
namespace at {
void set_num_threads(int count);
int get_num_threads();
}  // namespace at

namespace {

using namespace sentio;

constexpr int kMany = 3;

void ask(const std::shared_ptr<const Bundle>& bundle, const std::vector<Bar>& bars, const char* who) {
  Session session(bundle, {.interval_ns = bundle->manifest().interval_ns});
  const int before = at::get_num_threads();
  int predicted = 0;
  for (const Bar& bar : bars) predicted += session.on_bar(bar).prediction.has_value();
  std::cout << who << ' ' << before << ' ' << at::get_num_threads() << ' ' << (predicted > 0) << '\n';
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) return 2;
  std::vector<Bar> bars;
  for (Bar bar{}; std::cin >> bar.ts >> bar.open >> bar.high >> bar.low >> bar.close >> bar.volume;)
    bars.push_back(bar);
  try {
    std::shared_ptr<const Bundle> bundle;
    std::binary_semaphore used{0}, loaded{0};
    std::thread older([&] {         // uses LibTorch before the bundle is loaded
      (void)at::get_num_threads();  // a thread's first use gives it the count that was set last, by any
      at::set_num_threads(kMany);
      used.release();
      loaded.acquire();
      if (bundle) ask(bundle, bars, "older");
    });
    used.acquire();
    try {
      bundle = Bundle::load(words[1], {.backend = words[2]});
    } catch (...) {
      loaded.release();
      older.join();
      throw;
    }
    loaded.release();
    older.join();
    ask(bundle, bars, "loader");
    at::set_num_threads(kMany);
    ask(bundle, bars, "raised");
    std::thread([&] { ask(bundle, bars, "younger"); }).join();
  } catch (const Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
