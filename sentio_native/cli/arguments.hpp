// The words behind a command's name: plain arguments, `--option VALUE` or `--option=VALUE`, and `--flags`.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sentio::cli {

struct Option {
  std::string_view name;   // "--days"
  std::string_view value;  // what stands for it in the help, "N"; empty: a flag
  std::string_view help;
};

class Arguments {
 public:
  // Throws Failure(usage) where an option is unknown, lacks its value or comes twice, or the number of plain
  // arguments is not that of `names`.
  Arguments(std::span<const std::string> words, std::span<const Option> options,
            std::span<const std::string_view> names);

  [[nodiscard]] const std::string& plain(std::size_t k) const { return plain_.at(k); }
  [[nodiscard]] bool has(std::string_view option) const { return values_.contains(option); }
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;

 private:
  std::vector<std::string> plain_;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace sentio::cli
