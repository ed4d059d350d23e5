// A test harness in one header: TEST(name) { CHECK(...); }. A failed check ends its test, not the others.
#pragma once

#include <functional>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sentio/error.hpp"

namespace check {

struct Test {
  const char* name;
  std::function<void()> body;
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

struct Register {
  Register(const char* name, std::function<void()> body) { tests().push_back({name, std::move(body)}); }
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

template <class A, class B>
void equal(const char* file, int line, const char* text, const A& found, const B& expected) {
  if (found == expected) return;
  std::ostringstream message;
  message << text << " is " << found << ", expected " << expected;
  fail(file, line, message.str());
}

// Runs `action`, which must throw Error(code) with `words` in its message.
template <class Action>
void throws(const char* file, int line, sentio::ErrorCode code, const std::string& words, Action&& action) {
  try {
    action();
  } catch (const sentio::Error& error) {
    const std::string text = error.what();
    if (error.code() != code)
      fail(file, line, "threw '" + std::string(describe(error.code())) + "': " + text);
    if (text.find(words) == std::string::npos) fail(file, line, "'" + words + "' is not in: " + text);
    return;
  }
  fail(file, line, "nothing was thrown, expected: " + words);
}

// Runs all tests, or those whose name holds the first argument.
inline int run(int count, char** words) {
  const std::string filter = count > 1 ? words[1] : "";
  int failed = 0, ran = 0;
  for (const Test& test : tests()) {
    if (std::string(test.name).find(filter) == std::string::npos) continue;
    ++ran;
    try {
      test.body();
    } catch (const std::exception& error) {
      ++failed;
      std::cerr << "FAILED " << test.name << "\n  " << error.what() << "\n";
    }
  }
  std::cerr << ran - failed << " of " << ran << " tests passed\n";
  return failed == 0 && ran > 0 ? 0 : 1;
}

}  // namespace check

#define TEST(name)                                            \
  static void name();                                         \
  static const check::Register register_##name(#name, &name); \
  static void name()
#define CHECK(condition) \
  if (!(condition)) check::fail(__FILE__, __LINE__, #condition)
#define CHECK_EQUAL(found, expected) check::equal(__FILE__, __LINE__, #found, found, expected)
#define CHECK_THROWS(code, words, action) \
  check::throws(__FILE__, __LINE__, sentio::ErrorCode::code, words, [&] { action; })
