// Reading the command line.
#include "arguments.hpp"

#include <algorithm>

#include "screen.hpp"
#include "text.hpp"

namespace sentio::cli {

Arguments::Arguments(std::span<const std::string> words, std::span<const Option> options,
                     std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("-")) {
      plain_.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const auto option =
        std::find_if(options.begin(), options.end(), [&](const Option& o) { return o.name == name; });
    if (option == options.end()) {
      std::vector<std::string> known;
      for (const Option& o : options) known.emplace_back(o.name);
      throw Failure(Exit::usage, name + " is not an option" + did_you_mean(name, known));
    }
    const bool is_flag = option->value.empty();
    if (is_flag && equals != std::string::npos) throw Failure(Exit::usage, name + " takes no value");
    std::string value;
    if (!is_flag && equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (!is_flag && ++i < words.size()) {
      value = words[i];
    }
    // An empty one is a shell's unset variable: of --trust it would ask for no signature.
    if (!is_flag && value.empty())
      throw Failure(Exit::usage, name + " needs a value, " + std::string(option->value));
    if (!values_.emplace(name, value).second) throw Failure(Exit::usage, name + " is given twice");
  }
  if (plain_.size() > names.size())
    throw Failure(Exit::usage, "'" + plain_[names.size()] + "' is one argument too many");
  if (plain_.size() < names.size())
    throw Failure(Exit::usage, std::string(names[plain_.size()]) + " is missing");
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto value = values_.find(option);
  return value != values_.end() ? std::optional(value->second) : std::nullopt;
}

}  // namespace sentio::cli
