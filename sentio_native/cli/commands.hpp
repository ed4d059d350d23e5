// The commands of sentio_cli.
#pragma once

#include <span>
#include <string_view>

#include "arguments.hpp"
#include "screen.hpp"

namespace sentio::cli {

struct Command {
  std::string_view name;
  std::string_view summary;
  std::span<const std::string_view> arguments;  // plain ones, by the names that the help has for them
  std::span<const Option> options;
  std::string_view example;
  Exit (*run)(const Arguments&);
};

[[nodiscard]] const Command& verify_command();
[[nodiscard]] const Command& tpa_test_command();

}  // namespace sentio::cli
