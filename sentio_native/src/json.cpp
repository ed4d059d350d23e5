// Strict reading and canonical writing of JSON.
#include "json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <vector>

namespace sentio {

// Far deeper than any document of ours. What walks a document calls itself at each level, and must not run
// out of stack on a hostile one.
constexpr int kMaxDepth = 64;

namespace {

// With escapes for all that is not printable ASCII.
std::string quote(std::string_view text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void require_plain_text(std::string_view text, std::string_view what, ErrorCode code) {
  constexpr std::size_t kShown = 40;
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) return;
  throw Error(
      code, std::string(what) + " has a text that is not printable ASCII: " + quote(text.substr(0, kShown)));
}

}  // namespace

Json parse_json(std::string_view text, std::string_view what, ErrorCode code) {
  const auto refuse = [&](const std::string& why) { throw Error(code, std::string(what) + " " + why); };
  // The parser would skip the one, and take the other for the end.
  if (text.starts_with("\xef\xbb\xbf")) refuse("is not JSON: it begins with a byte order mark");
  if (text.find('\0') != std::string_view::npos) refuse("is not JSON: it holds a zero byte");
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    const bool opens =
        event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
    if (opens && depth >= kMaxDepth) {  // of those that are open already
      refuse("is nested deeper than " + std::to_string(kMaxDepth) + " levels");
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
    refuse("is not JSON: " + std::string(reason.substr(reason.find("] ") + 2)));
  }
  if (!twice.empty()) refuse("has the key " + quote(twice) + " twice in one object");
  return document;
}

void require_plain_texts(const Json& document, std::string_view what, ErrorCode code) {
  if (document.is_string()) require_plain_text(document.get_ref<const std::string&>(), what, code);
  if (!document.is_structured()) return;
  for (const auto& [key, inner] : document.items()) {
    require_plain_text(key, what, code);  // of a list, the number of the place
    require_plain_texts(inner, what, code);
  }
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
