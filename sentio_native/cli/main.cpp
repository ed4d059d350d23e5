// sentio_cli: finds the command, runs it, and turns errors into one message and an exit code.
#include <algorithm>
#include <cstdio>
#include <new>
#include <system_error>

#include "commands.hpp"
#include "sentio/error.hpp"
#include "sentio/model.hpp"
#include "text.hpp"

namespace sentio::cli {
namespace {

void print_help(const Command& command) {
  std::printf("usage: sentio_cli %.*s", static_cast<int>(command.name.size()), command.name.data());
  for (const std::string_view name : command.arguments) {
    std::printf(" %.*s", static_cast<int>(name.size()), name.data());
  }
  std::printf(" [OPTIONS]\n\n%.*s\n\noptions:\n", static_cast<int>(command.summary.size()),
              command.summary.data());
  for (const Option& option : command.options) {
    const std::string left =
        std::string(option.name) + (option.value.empty() ? "" : " ") + std::string(option.value);
    std::printf("  %-24s %.*s\n", left.c_str(), static_cast<int>(option.help.size()), option.help.data());
  }
  std::printf("\nexample:\n  %.*s\n", static_cast<int>(command.example.size()), command.example.data());
}

void print_help(std::span<const Command* const> commands) {
  std::printf(
      "usage: sentio_cli COMMAND [OPTIONS]\n\nRuns what Sentio trained, without Python.\n\ncommands:\n");
  for (const Command* command : commands) {
    std::printf("  %-10s %.*s\n", std::string(command->name).c_str(),
                static_cast<int>(command->summary.size()), command->summary.data());
  }
  std::printf("\nexamples:\n");
  for (const Command* command : commands) {
    std::printf("  %.*s\n", static_cast<int>(command->example.size()), command->example.data());
  }
  std::printf(
      "\n'sentio_cli COMMAND --help' lists a command's options; 'sentio_cli --version' tells the build.\n");
}

Exit dispatch(std::span<const std::string> words) {
  const Command* const commands[] = {&verify_command(), &tpa_test_command()};
  const auto is_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (words.empty() || is_help(words[0])) {
    print_help(commands);
    return words.empty() ? Exit::usage : Exit::done;
  }
  if (words[0] == "--version") {
    const auto backends = model_backends();
    std::printf("sentio_cli %s, backends: %s\n", SENTIO_VERSION,
                backends.empty() ? "none" : join(backends).c_str());
    return Exit::done;
  }
  for (const Command* command : commands) {
    if (command->name != words[0]) continue;
    const auto rest = words.subspan(1);
    if (std::any_of(rest.begin(), rest.end(), is_help)) {
      print_help(*command);
      return Exit::done;
    }
    return command->run(Arguments(rest, command->options, command->arguments));
  }
  std::vector<std::string> names;
  for (const Command* command : commands) names.emplace_back(command->name);
  throw Failure(Exit::usage, "'" + words[0] + "' is not a command" + did_you_mean(words[0], names),
                "the commands are " + join(names));
}

Exit exit_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_argument:
    case ErrorCode::missing:
      return Exit::usage;
    case ErrorCode::bad_spec:
    case ErrorCode::bad_bars:
      return Exit::bad_input;
    case ErrorCode::bad_state:
    case ErrorCode::bad_bundle:
    case ErrorCode::corrupt:
      return Exit::corrupt_store;
    case ErrorCode::unsupported:
      return Exit::environment;
  }
  return Exit::check_failed;
}

Exit fail(Exit exit, const char* message, const std::string& hint = {}) {
  std::fprintf(stderr, "error: %s\n", message);
  if (!hint.empty()) std::fprintf(stderr, "  hint: %s\n", hint.c_str());
  return exit;
}

Exit run(std::span<const std::string> words) {
  try {
    const Exit exit = dispatch(words);
    if (std::fflush(stdout) != 0) return fail(Exit::resources, "the output cannot be written");
    return exit;
  } catch (const Failure& failure) {
    return fail(failure.exit(), failure.what(), failure.hint());
  } catch (const Error& error) {
    return fail(exit_of(error.code()), error.what());
  } catch (const std::system_error& error) {
    return fail(Exit::resources, error.what(), "check the path, its permissions and free space");
  } catch (const std::bad_alloc&) {
    return fail(Exit::resources, "there is not enough memory");
  }
}

}  // namespace
}  // namespace sentio::cli

int main(int count, char** words) {
  return static_cast<int>(sentio::cli::run(std::vector<std::string>(words + 1, words + std::max(count, 1))));
}
