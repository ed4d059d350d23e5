// sentio_cli verify: the checks of a bundle as a table or as JSON.
#include <algorithm>
#include <cstdio>

#include "commands.hpp"
#include "json.hpp"
#include "sentio/bundle.hpp"

namespace sentio::cli {
namespace {

void print_json(const VerifyReport& report) {
  Json checks = Json::array();
  for (const Check& check : report.checks) {
    const Json ok = check.left_out ? Json() : Json(check.ok);
    checks.push_back({{"name", check.name}, {"ok", ok}, {"detail", check.detail}});
  }
  const Json document = {{"bundle", report.bundle_id}, {"checks", checks}, {"ok", report.ok()}};
  std::printf("%s\n", document.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_table(const VerifyReport& report) {
  std::size_t width = 0;
  for (const Check& check : report.checks) width = std::max(width, check.name.size());
  for (const Check& check : report.checks) {
    const char* result = check.left_out ? "-" : check.ok ? "ok" : "FAILED";
    std::printf("%-6s  %-*s  %s\n", result, static_cast<int>(width), check.name.c_str(),
                check.detail.c_str());
  }
  if (report.ok()) {
    std::printf("bundle %s: verified\n", report.bundle_id.c_str());
  } else {
    std::printf("bundle %s: REFUSED\n",
                report.bundle_id.empty() ? "of unknown id" : report.bundle_id.c_str());
  }
}

Exit run(const Arguments& arguments) {
  const VerifyReport report = verify_bundle(arguments.plain(0), {.trusted_key = arguments.value("--trust")});
  arguments.has("--json") ? print_json(report) : print_table(report);
  if (report.damaged) return Exit::corrupt_store;
  return report.ok() ? Exit::done : Exit::check_failed;
}

constexpr std::string_view kArguments[] = {"DIR"};
constexpr Option kOptions[] = {
    {"--trust", "PUBKEY", "Refuse a bundle that this Ed25519 public key (a PEM file) did not sign."},
    {"--json", "", "Print the checks as one JSON document."},
};

}  // namespace

const Command& verify_command() {
  static constexpr Command command = {
      "verify",
      "Prove that a bundle is what was exported: hashes, spec, features, outputs.",
      kArguments,
      kOptions,
      "sentio_cli verify artifacts/TFA/v1",
      &run,
  };
  return command;
}

}  // namespace sentio::cli
