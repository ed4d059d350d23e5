// Strict reading and canonical writing of JSON.
#include "json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <vector>

namespace sentio {

// Far deeper than any document of ours. What walks a document calls itself at each level, and must not run
// out of stack on a hostile one.
constexpr int kMaxDepth = 64;

Json parse_json(std::string_view text, std::string_view what, ErrorCode code) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxDepth) {
      throw Error(code,
                  std::string(what) + " is nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      twice = value.get<std::string>();
    }
    return true;
  };
  Json document;
  try {
    document = Json::parse(text, watch);
  } catch (const Json::exception& error) {
    const std::string_view reason =
        error.what();  // "[json.exception.parse_error.101] parse error at line ..."
    throw Error(code,
                std::string(what) + " is not JSON: " + std::string(reason.substr(reason.find("] ") + 2)));
  }
  if (!twice.empty())
    throw Error(code, std::string(what) + " has the key '" + twice + "' twice in one object");
  return document;
}

std::string canonical_number(double value) {
  if (value == 0.0) return "0";
  std::array<char, 40> buffer;
  const auto printed = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value),
                                     std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(printed.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const std::string_view power = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), exponent);

  // ECMA-262, Number::toString: k digits, the decimal point after the n-th.
  const auto k = static_cast<int>(digits.size());
  const int n = exponent + 1;
  std::string out = value < 0 ? "-" : "";
  if (k <= n && n <= 21) {
    out += digits + std::string(static_cast<std::size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(n)) + "." + digits.substr(static_cast<std::size_t>(n));
  } else if (-6 < n && n <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-n), '0') + digits;
  } else {
    out += digits.substr(0, 1) + (k > 1 ? "." + digits.substr(1) : "") + "e" + (n > 0 ? "+" : "-") +
           std::to_string(std::abs(n - 1));
  }
  return out;
}

std::string canonical_json(const Json& value) {
  if (value.is_object()) {
    std::string out = "{";
    for (const auto& [key, inner] : value.items()) {  // nlohmann keeps keys sorted by bytes; ours are ASCII
      if (out.size() > 1) out += ",";
      out += Json(key).dump() + ":" + canonical_json(inner);
    }
    return out + "}";
  }
  if (value.is_array()) {
    std::string out = "[";
    for (const Json& inner : value) out += (out.size() > 1 ? "," : "") + canonical_json(inner);
    return out + "]";
  }
  if (value.is_number()) return canonical_number(value.get<double>());
  return value.dump();
}

}  // namespace sentio
