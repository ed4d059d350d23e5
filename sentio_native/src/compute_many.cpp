// Runs of many symbols: workers take the longest that is left, the caller's thread tells what is done.
#include "sentio/compute_many.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "sentio/engine.hpp"
#include "sentio/error.hpp"

namespace sentio {
namespace {

class Queue {
 public:
  Queue(const std::shared_ptr<const Plan>& plan, std::span<const SymbolRun> runs)
      : plan_(plan), runs_(runs), order_(runs.size()), failures_(runs.size()) {
    done_.reserve(runs.size());
    // The longest first: at the end, no worker is left alone with much.
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return runs_[a].bars.size() > runs_[b].bars.size();
    });
  }

  // A worker's life.
  void work() {
    for (std::size_t n; (n = next_.fetch_add(1)) < runs_.size();) {
      const std::size_t i = order_[n];
      try {
        Engine engine(plan_);
        std::visit([&](auto out) { engine.compute(runs_[i].bars, out); }, runs_[i].out);
      } catch (...) {
        failures_[i] = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        done_.push_back(i);
      }
      news_.notify_one();
    }
  }

  // Waits until a run is done that was not told before; returns its index.
  std::size_t wait_for_next() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return told_ < done_.size(); });
    return done_[told_++];
  }

  // No other run is begun.
  void close() noexcept { next_ = runs_.size(); }

  void rethrow_failures() const {
    std::vector<Problem> problems;
    ErrorCode code{};
    for (std::size_t i = 0; i < failures_.size(); ++i) {
      if (!failures_[i]) continue;
      try {
        std::rethrow_exception(failures_[i]);  // anything but an Error, such as bad_alloc, leaves as it is
      } catch (const Error& error) {
        if (problems.empty()) code = error.code();
        problems.push_back({runs_[i].symbol, error.what()});
      }
    }
    if (problems.empty()) return;
    const std::string count = std::to_string(problems.size()) + " of " + std::to_string(runs_.size());
    throw Error(code, count + " symbols failed", std::move(problems));
  }

 private:
  const std::shared_ptr<const Plan>& plan_;
  const std::span<const SymbolRun> runs_;
  std::vector<std::size_t> order_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;  // of done_
  std::condition_variable news_;
  std::vector<std::size_t> done_;
  std::size_t told_ = 0;
  std::vector<std::exception_ptr> failures_;  // each written by one worker, read after all have ended
};

// What is written there twice would be neither symbol's features.
void refuse_shared_memory(std::span<const SymbolRun> runs) {
  struct Extent {
    std::span<const std::byte> bytes;
    const std::string* symbol;
  };
  std::vector<Extent> extents;
  for (const SymbolRun& run : runs) {
    const auto bytes = std::visit([](auto out) { return std::as_bytes(out); }, run.out);
    if (!bytes.empty()) extents.push_back({bytes, &run.symbol});
  }
  std::ranges::stable_sort(extents, {}, [](const Extent& extent) { return extent.bytes.data(); });
  // Where any two overlap, some two neighbours do.
  const auto shared = std::ranges::adjacent_find(extents, [](const Extent& a, const Extent& b) {
    return std::less<>()(b.bytes.data(), a.bytes.data() + a.bytes.size());
  });
  if (shared == extents.end()) return;
  throw Error(ErrorCode::bad_argument, "out of " + *shared[0].symbol + " and of " + *shared[1].symbol +
                                           " overlap; each symbol needs a matrix of its own");
}

}  // namespace

void compute_many(const std::shared_ptr<const Plan>& plan, std::span<const SymbolRun> runs,
                  std::size_t threads, const std::function<void(std::size_t)>& finished) {
  if (threads == 0) throw Error(ErrorCode::bad_argument, "threads is 0; at least one is needed");
  refuse_shared_memory(runs);
  Queue queue(plan, runs);
  {
    std::vector<std::jthread> workers;
    // Destroyed before the threads are joined: whoever leaves early waits for the runs in work alone.
    const struct Closer {
      Queue& queue;
      ~Closer() { queue.close(); }
    } closer{queue};
    for (std::size_t i = 0; i < std::min(threads, runs.size()); ++i) {
      workers.emplace_back([&queue] { queue.work(); });
    }
    for (std::size_t told = 0; told < runs.size(); ++told) finished(queue.wait_for_next());
  }
  queue.rethrow_failures();
}

}  // namespace sentio
