// RETURN_ENTROPY: how unpredictable the sequence of rises and falls was.
#include <memory>
#include <vector>

#include "kernels/portable_log.hpp"
#include "ops/op_file.hpp"

namespace sentio::ops {
namespace {

constexpr std::int64_t kLongestWord = 8;

// The last `length` moves as a binary number, rises being ones; -1 where one of them is neither.
NodeRef word_of_moves(GraphBuilder& graph, NodeRef x, std::int64_t length) {
  return pointwise(
      graph, "word_of_moves", {x},
      [length](const double* const* in, std::ptrdiff_t i) {
        double word = 0.0;
        for (std::ptrdiff_t row = i - length + 1; row <= i; ++row) {
          if (in[0][row] == in[0][row - 1]) return -1.0;
          word = 2.0 * word + (in[0][row] > in[0][row - 1] ? 1.0 : 0.0);
        }
        return word;
      },
      length);
}

// Shannon's entropy of the frequencies of the last `window` words, in nats. Counts are whole numbers, so that
// words may leave without a rounding.
class WordEntropy final : public Kernel {
 public:
  WordEntropy(std::int64_t window, std::int64_t length)
      : words_(static_cast<std::size_t>(window)),
        counts_(std::size_t{1} << length),
        logs_(words_.size() + 1) {
    for (std::size_t n = 1; n < logs_.size(); ++n) logs_[n] = portable_log(static_cast<double>(n));
  }

  void run(const Block& block) noexcept override {
    for (std::ptrdiff_t i = 0; i < block.size; ++i) {
      const std::int64_t row = block.first + i;
      if (row == 0) {
        fill(block.in[0] + i, row, window());
      } else {
        int& slot = words_[slot_of(row)];
        count(slot, -1);
        slot = word_at(block.in[0][i]);
        count(slot, 1);
      }
      block.out[0][i] = entropy();
    }
  }
  // The oldest word is no longer kept: it would be the first to go.
  void rebuild(const Block& past) noexcept override { fill(past.in[0] - 1, past.first - 1, window() - 1); }

 private:
  [[nodiscard]] std::int64_t window() const noexcept { return static_cast<std::int64_t>(words_.size()); }

  // -1 for what is no word, whatever a damaged snapshot says.
  [[nodiscard]] int word_at(double value) const noexcept {
    return value >= 0.0 && value < static_cast<double>(counts_.size()) ? static_cast<int>(value) : -1;
  }

  [[nodiscard]] std::size_t slot_of(std::int64_t row) const noexcept {
    return static_cast<std::size_t>(row) % words_.size();
  }

  // The words up to the newest, the one of `row`, of which `known` can be read.
  void fill(const double* newest, std::int64_t row, std::int64_t known) noexcept {
    counts_.assign(counts_.size(), 0);
    all_ = 0;
    for (std::int64_t age = 0; age < window(); ++age) {
      int& slot = words_[slot_of(row + window() - age)];
      slot = age < known ? word_at(newest[-age]) : -1;
      count(slot, 1);
    }
  }

  void count(int word, std::int64_t change) noexcept {
    if (word < 0) return;
    counts_[static_cast<std::size_t>(word)] += change;
    all_ += change;
  }

  [[nodiscard]] double entropy() const noexcept {
    if (all_ == 0) return 0.0;
    const double log_of_all = logs_[static_cast<std::size_t>(all_)];
    double sum = 0.0;
    for (const std::int64_t n : counts_) {
      if (n > 0) sum += static_cast<double>(n) * (log_of_all - logs_[static_cast<std::size_t>(n)]);
    }
    return sum / static_cast<double>(all_);
  }

  std::vector<int> words_;            // by slot, which is the row modulo the window
  std::vector<std::int64_t> counts_;  // by word
  std::vector<double> logs_;          // of the whole numbers up to the window
  std::int64_t all_ = 0;
};

NodeRef lower_return_entropy(Lowering& op) {
  const auto window = op.integer("window"), length = op.integer("length");
  const NodeRef entropy = op.graph().add(
      {"word_entropy",
       {static_cast<double>(window), static_cast<double>(length)},
       {word_of_moves(op.graph(), op.in(0), length)}},
      {.lag = window - 1}, [window, length] { return std::make_unique<WordEntropy>(window, length); });
  const double bits_a_bar = 1.0 / (static_cast<double>(length) * portable_log(2.0));
  return pointwise(
      op.graph(), "bits_a_bar", {entropy},
      [bits_a_bar](const double* const* in, std::ptrdiff_t i) { return smaller(bits_a_bar * in[0][i], 1.0); },
      0, {bits_a_bar});
}

}  // namespace

std::vector<OpInfo> return_entropy() {
  return {{
      .name = "RETURN_ENTROPY",
      .summary =
          "Shannon entropy in bits a bar, 0 to 1, of the words that `length` rises and falls in a row make",
      .definition =
          "the plug-in estimator of overlapping words: Gao, Kontoyiannis and Bienenstock, Estimating the "
          "entropy of binary time series, Entropy 10 (2008); Lopez de Prado, Advances in Financial Machine "
          "Learning (2018), section 18.3",
      .sources = {"close"},
      .params = {window_param(100, 2, "words in the window, each beginning a bar after the one before"),
                 {"length", ParamType::integer, 1, kLongestWord, 3, "rises and falls in a word"}},
      .warmup = "window - 1 + length",
      .neutral = "a word with an unchanged value in it does not count; 0 where none counts",
      .lower = lower_return_entropy,
  }};
}

}  // namespace sentio::ops
