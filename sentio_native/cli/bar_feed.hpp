// Where tpa_test has its bars from: a cache entry, or a CSV file.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "runtime/bar_table.hpp"
#include "runtime/sealed_folder.hpp"
#include "sentio/bundle.hpp"

namespace sentio::cli {

struct BarFeed {
  BarTable bars;
  std::string origin;             // the entry's folder or the file
  std::optional<bool> simulated;  // none: a CSV file does not say
  std::optional<SealedFolder> entry;
  std::span<const float> features;  // [N, F] of the entry; empty for a CSV file
};

// The newest entry of that symbol whose spec and interval are the bundle's, read whole and verified.
// Throws Failure(bad_input), naming the command that makes one, where there is none; Error(corrupt) where it
// is damaged.
[[nodiscard]] BarFeed read_cache(const std::filesystem::path& root, const std::string& symbol,
                                 const Bundle& bundle);

// A file with the header ts,open,high,low,close,volume; ts is the bar's open as UTC epoch in s, ms, us or ns.
// Throws Failure(bad_input), with line numbers, where a line does not parse, a bar breaks its contract, or
// the bars' distance is not the bundle's interval.
[[nodiscard]] BarFeed read_csv(const std::filesystem::path& file, const Bundle& bundle);

}  // namespace sentio::cli
