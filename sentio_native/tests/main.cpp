// Runs the tests that are linked with it.
#include "check.hpp"

int main(int count, char** words) {
  return check::run(count, words);
}
