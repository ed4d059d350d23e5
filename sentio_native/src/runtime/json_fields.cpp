// Reading fields; problems are gathered, so that all of a document's are told at once.
#include "runtime/json_fields.hpp"

#include <algorithm>
#include <utility>

#include "text.hpp"

namespace sentio {

JsonFields::JsonFields(const Json& object, std::string path, std::vector<Problem>& problems)
    : JsonFields(object.is_object() ? &object : nullptr, std::move(path), problems) {
  if (object_ == nullptr) problems_.push_back({path_, "is not an object"});
}

const Json* JsonFields::read(const char* key, bool (Json::*is)() const noexcept, const char* what) {
  known_.emplace_back(key);
  if (object_ == nullptr) return nullptr;
  const auto value = object_->find(key);
  if (value == object_->end()) {
    problem(key, "is missing");
    return nullptr;
  }
  if (!((*value).*is)()) {
    problem(key, "is not " + std::string(what));
    return nullptr;
  }
  return &*value;
}

bool JsonFields::is_null(const char* key) const {
  return object_ != nullptr && object_->contains(key) && object_->at(key).is_null();
}

std::string JsonFields::text(const char* key) {
  const Json* value = read(key, &Json::is_string, "a text");
  return value != nullptr ? value->get<std::string>() : std::string();
}

std::optional<std::string> JsonFields::text_or_null(const char* key) {
  if (!is_null(key)) return text(key);
  known_.emplace_back(key);
  return std::nullopt;
}

std::string JsonFields::word(const char* key, const std::vector<std::string>& allowed) {
  const Json* value = read(key, &Json::is_string, "a text");
  if (value == nullptr) return allowed.front();
  auto word = value->get<std::string>();
  if (std::find(allowed.begin(), allowed.end(), word) == allowed.end()) {
    problem(key, "is '" + word + "'; allowed: " + join(allowed));
  }
  return word;
}

std::string JsonFields::hash(const char* key) {
  const Json* value = read(key, &Json::is_string, "a text");
  if (value == nullptr) return {};
  auto digits = value->get<std::string>();
  if (digits.size() != 64 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
    problem(key, "is not 64 hex digits");
  }
  return digits;
}

bool JsonFields::truth(const char* key) {
  const Json* value = read(key, &Json::is_boolean, "true or false");
  return value != nullptr && value->get<bool>();
}

std::int64_t JsonFields::integer(const char* key, std::int64_t min) {
  const Json* value = read(key, &Json::is_number_integer, "a whole number");
  if (value == nullptr) return min;
  if (value->is_number_unsigned() && !std::in_range<std::int64_t>(value->get<std::uint64_t>())) {
    problem(key, value->dump() + " is too large");
    return min;
  }
  const auto number = value->get<std::int64_t>();
  if (number < min) problem(key, value->dump() + " is smaller than " + std::to_string(min));
  return number;
}

std::optional<std::int64_t> JsonFields::integer_or_null(const char* key, std::int64_t min) {
  if (!is_null(key)) return integer(key, min);
  known_.emplace_back(key);
  return std::nullopt;
}

double JsonFields::number(const char* key) {
  const Json* value = read(key, &Json::is_number, "a number");
  return value != nullptr ? value->get<double>() : 0.0;
}

std::optional<double> JsonFields::number_or_null(const char* key) {
  if (!is_null(key)) return number(key);
  known_.emplace_back(key);
  return std::nullopt;
}

template <class T>
std::vector<T> JsonFields::each_of(const char* key, bool (*is)(const Json&), const char* what) {
  std::vector<T> values;
  for (const Json& value : list(key)) {
    if (is(value)) {
      values.push_back(value.get<T>());
    } else {
      problem(key, value.dump() + " is not " + what);
    }
  }
  return values;
}

std::vector<std::string> JsonFields::texts(const char* key) {
  return each_of<std::string>(key, [](const Json& value) { return value.is_string(); }, "a text");
}

std::vector<double> JsonFields::numbers(const char* key) {
  return each_of<double>(key, [](const Json& value) { return value.is_number(); }, "a number");
}

std::vector<std::int64_t> JsonFields::counts(const char* key) {
  const auto is_count = [](const Json& value) {
    // Beyond int64 it would wrap to a negative one.
    return value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
           value.get<std::int64_t>() <= kMostSamples;
  };
  return each_of<std::int64_t>(key, is_count, "a count");
}

std::map<std::string, double> JsonFields::all_numbers() {
  std::map<std::string, double> numbers;
  for (const std::string& key : keys()) numbers[key] = number(key.c_str());
  return numbers;
}

std::map<std::string, std::optional<double>> JsonFields::all_numbers_or_null() {
  std::map<std::string, std::optional<double>> numbers;
  for (const std::string& key : keys()) numbers[key] = number_or_null(key.c_str());
  return numbers;
}

std::vector<std::string> JsonFields::keys() const {
  std::vector<std::string> keys;
  if (object_ == nullptr) return keys;
  for (const auto& [key, value] : object_->items()) keys.push_back(key);
  return keys;
}

const Json& JsonFields::list(const char* key) {
  static const Json empty = Json::array();
  const Json* value = read(key, &Json::is_array, "a list");
  return value != nullptr ? *value : empty;
}

JsonFields JsonFields::object(const char* key) {
  const Json* value = read(key, &Json::is_object, "an object");
  return {value, path_.empty() ? key : path_ + "." + key, problems_};
}

std::optional<JsonFields> JsonFields::object_or_null(const char* key) {
  if (!is_null(key)) return object(key);
  known_.emplace_back(key);
  return std::nullopt;
}

void JsonFields::problem(const std::string& key, std::string message) {
  problems_.push_back({path_.empty() ? key : path_ + "." + key, std::move(message)});
}

void JsonFields::finish() {
  if (object_ == nullptr) return;
  for (const auto& [key, value] : object_->items()) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
      problem(key, "is not a known key" + did_you_mean(key, known_));
    }
  }
}

}  // namespace sentio
