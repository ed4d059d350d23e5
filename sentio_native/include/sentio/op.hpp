// What the catalog says of an op: the single source of its name, bounds, defaults and definition.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "sentio/export.hpp"

namespace sentio {

class Lowering;

// One output column of one node of a plan.
struct NodeRef {
  int node = -1;
  int output = 0;
  bool operator==(const NodeRef&) const = default;
};

enum class ParamType : std::uint8_t { integer, real };

// One value of a parameter that numbers things.
struct Choice {
  double value = 0;
  std::string_view name;
  std::string_view warmup{};   // rows that it costs, in `window`
  std::string_view refused{};  // why a spec may not choose it, for a number that other software gives it
};

struct ParamInfo {
  std::string_view name;
  ParamType type = ParamType::integer;
  double min = 0;
  double max = 0;
  std::optional<double> default_value{};  // none: the spec must give it
  std::string_view summary{};
  std::vector<Choice> choices{};  // what each value from `min` to `max` stands for, if they number things
};

// The windows' common bound; O(window) memory, O(1) amortised time a bar.
inline constexpr double kMaxWindow = 100'000;

// How long a value remembers: decides whether a cold start ever agrees with a long-running engine.
enum class Memory : std::uint8_t {
  window,     // a fixed number of bars
  decaying,   // all bars, with geometrically falling weight
  session,    // the bars since the session's start
  unbounded,  // all bars, for ever: no cold start agrees
};

[[nodiscard]] SENTIO_API std::string_view describe(Memory memory) noexcept;

// The class of inputs for which `settle` is declared, in words: when a cold start agrees with the long run.
[[nodiscard]] SENTIO_API std::string_view settles(Memory memory) noexcept;

struct OpInfo {
  std::string_view name;  // upper case
  int version = 1;        // raised whenever a value changes
  std::string_view summary;
  std::string_view definition;              // paper, page or library that defines it
  std::vector<std::string_view> sources{};  // series that a spec may choose, by their defaults; "": it must
  std::vector<std::string_view> columns{};  // series that the op always reads
  std::vector<ParamInfo> params{};
  // Rows before the first valid one, in the parameters, inputs' own not counted;
  // `average_warmup(window, type)` stands for the warm-up of that choice of a moving average.
  std::string_view warmup = "0";
  Memory memory = Memory::window;
  std::string_view neutral{};  // the declared value where the definition has none
  // What an error of the value is compared with: a number, or the size of columns and sources, such as
  // "close", "source^2" or "source * source2".
  std::string_view scale = "1";
  std::string_view unit{};   // what a value whose scale is a number is measured in: "close / volume"
  bool homogeneous = true;   // prices and volumes in another unit only multiply the value
  std::string_view talib{};  // "NAME(its parameter=ours, ...).output", empty where TA-Lib has none
  // Adds the op's nodes to a plan and returns the column that holds its value.
  NodeRef (*lower)(Lowering&) = nullptr;
};

}  // namespace sentio
