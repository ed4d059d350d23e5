// Words for messages: lists, numbers, suggestions.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace sentio {

// "a, b, c".
[[nodiscard]] inline std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// Nine digits tell every float from its neighbours.
[[nodiscard]] inline std::string float_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

// With an escape for every byte that is not printable ASCII: text of unknown origin can then neither end the
// line of a report nor move in it.
[[nodiscard]] inline std::string one_line(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string line;
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      line += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      line += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return line;
}

// "; did you mean X?" for the nearest candidate within two edits (Levenshtein), else "".
[[nodiscard]] inline std::string did_you_mean(std::string_view word,
                                              const std::vector<std::string>& candidates) {
  std::size_t best = 3;
  std::string answer;
  for (const std::string& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t change = diagonal + (word[i] != candidate[j] ? 1 : 0);
        diagonal = row[j + 1];
        row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
      }
    }
    if (row.back() < best) {
      best = row.back();
      answer = candidate;
    }
  }
  return answer.empty() ? "" : "; did you mean " + answer + "?";
}

}  // namespace sentio
