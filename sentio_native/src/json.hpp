// JSON in and out: strict reading (no duplicate key), canonical writing (RFC 8785).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "sentio/error.hpp"

namespace sentio {

using Json = nlohmann::json;

// Throws Error(code) where `text` is not one JSON document (RFC 8259, no byte order mark), is nested deeper
// than 64 levels, or an object has a key twice; `what` names the document. A whole number beyond uint64
// becomes a double.
[[nodiscard]] Json parse_json(std::string_view text, std::string_view what, ErrorCode code);

// Throws Error(code) where a key or a text in `document` is not printable ASCII: it could break the line of a
// report, or look like another.
void require_plain_texts(const Json& document, std::string_view what, ErrorCode code);

// Sorted keys, no white space, numbers as ECMAScript prints them.
[[nodiscard]] std::string canonical_json(const Json& value);

// A finite number as ECMAScript prints it.
[[nodiscard]] std::string canonical_number(double value);

}  // namespace sentio
