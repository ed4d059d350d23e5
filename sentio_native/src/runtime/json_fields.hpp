// Reading the fields of a JSON object: a key that is missing, unknown or of another type becomes a problem.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json.hpp"

namespace sentio {

// Rows beyond this are more than any market has; below it, a hundred times as many do not overflow int64.
inline constexpr std::int64_t kMostSamples = std::int64_t{1} << 53;

class JsonFields {
 public:
  // `path` is the object's place in its document, "" for the document itself.
  JsonFields(const Json& object, std::string path, std::vector<Problem>& problems);

  // Each reads one field; where it is not as it must be, a problem is added and some value of the type
  // returned.
  std::string text(const char* key);
  std::optional<std::string> text_or_null(const char* key);
  std::string word(const char* key, const std::vector<std::string>& allowed);
  std::string hash(const char* key);  // 64 hex digits
  bool truth(const char* key);
  std::int64_t integer(const char* key, std::int64_t min = std::numeric_limits<std::int64_t>::min());
  std::optional<std::int64_t> integer_or_null(const char* key, std::int64_t min);
  double number(const char* key);
  std::optional<double> number_or_null(const char* key);
  std::vector<std::string> texts(const char* key);
  std::vector<double> numbers(const char* key);
  std::vector<std::int64_t> counts(const char* key);  // from 0 to kMostSamples
  std::map<std::string, double> all_numbers();        // of an object that holds nothing else
  std::map<std::string, std::optional<double>> all_numbers_or_null();
  const Json& list(const char* key);
  JsonFields object(const char* key);
  std::optional<JsonFields> object_or_null(const char* key);

  // All that there are, where they are the document's to choose.
  [[nodiscard]] std::vector<std::string> keys() const;

  void problem(const std::string& key, std::string message);
  // Every key that was not read is a problem; to be called last, unless the object may hold others.
  void finish();

 private:
  JsonFields(const Json* object, std::string path, std::vector<Problem>& problems)
      : object_(object), path_(std::move(path)), problems_(problems) {}

  [[nodiscard]] bool is_null(const char* key) const;
  const Json* read(const char* key, bool (Json::*is)() const noexcept, const char* what);
  template <class T>
  std::vector<T> each_of(const char* key, bool (*is)(const Json&), const char* what);

  const Json* object_;  // nullptr where it is not there, which was said already
  std::string path_;
  std::vector<Problem>& problems_;
  std::vector<std::string> known_;
};

}  // namespace sentio
