// sentio_bench SPEC.json BARS PAIRS: what a bar costs when it comes alone, over what it costs in a batch.
//
// Prints one JSON object: for each of PAIRS interleaved pairs, the nanoseconds of CPU time a bar of both.
#include <time.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "made_bars.hpp"
#include "sentio/engine.hpp"

namespace {

using namespace sentio;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::string read_text(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string(path) + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

// One spec over the same bars, both ways.
class Pair {
 public:
  Pair(std::shared_ptr<const Plan> plan, std::size_t bars)
      : plan_(std::move(plan)),
        bars_(test::make_bars(bars)),
        matrix_(bars * plan_->width()),
        row_(plan_->width()) {}

  double batch() {
    const double start = cpu_seconds();
    Engine(plan_).compute(bars_.columns(), matrix_);
    return a_bar(start);
  }

  double stream() {
    const double start = cpu_seconds();
    Engine engine(plan_);
    for (std::size_t i = 0; i < bars_.size(); ++i) {
      if (engine.step(bars_[i], row_) != BarFault::none) throw std::runtime_error("a bar was refused");
    }
    const double nanoseconds = a_bar(start);
    if (std::memcmp(row_.data(), &matrix_[matrix_.size() - row_.size()], row_.size() * sizeof(float)) != 0) {
      throw std::runtime_error("the stream's last row is not the batch's");
    }
    return nanoseconds;
  }

 private:
  [[nodiscard]] double a_bar(double start) const {
    return 1e9 * (cpu_seconds() - start) / static_cast<double>(bars_.size());
  }

  std::shared_ptr<const Plan> plan_;
  BarTable bars_;
  std::vector<float> matrix_;
  std::vector<float> row_;
};

}  // namespace

int main(int words, char** word) try {
  if (words != 4) throw std::runtime_error("usage: sentio_bench SPEC.json BARS PAIRS");
  const auto plan = Plan::compile(read_text(word[1]));
  Pair pair(plan, count(word[2]));
  pair.batch(), pair.stream();  // memory is touched, caches are warm
  std::string batch, stream;
  for (std::size_t left = count(word[3]); left > 0; --left) {
    const char* comma = left > 1 ? ", " : "";
    batch += std::to_string(pair.batch()) + comma;
    stream += std::to_string(pair.stream()) + comma;
  }
  std::cout << "{\"batch\": [" << batch << "], \"stream\": [" << stream << "]}\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << "\n";
  return 1;
}
