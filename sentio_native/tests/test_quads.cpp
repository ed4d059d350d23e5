// Columns that stand in quads, or side by side as those of bars that come alone do, hold what they hold
// apart: blocks of fewer rows than the engine's own stand apart.
#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "check.hpp"
#include "kernels/kernel.hpp"
#include "made_bars.hpp"
#include "quads.hpp"
#include "sentio/engine.hpp"

namespace {

using namespace sentio;
using sentio::test::make_bars;

std::string feature(const std::string& op, const std::string& name, int window, const std::string& source,
                    const std::string& more = "") {
  return R"({"name": ")" + name + R"(", "op": ")" + op + R"(", "window": )" + std::to_string(window) +
         R"(, "source": ")" + source + '"' + more + '}';
}

std::shared_ptr<const Plan> plan_of(const std::vector<std::string>& features) {
  std::string all;
  for (const std::string& each : features) all += (all.empty() ? "" : ", ") + each;
  return Plan::compile(R"({"schema_version": "1.0", "features": [)" + all + "]}");
}

// Whether calls of whole blocks, calls of smaller ones and bars that come alone give the same features and
// the same state.
void check_same(const std::shared_ptr<const Plan>& plan) {
  const BarTable bars = make_bars(5 * kBlock + 17);
  const std::size_t width = plan->width(), most = kBlock - 1;
  std::vector<float> whole(bars.size() * width), apart(whole.size()), alone(whole.size());
  Engine in_quads(plan), in_columns(plan), in_row(plan);
  in_quads.compute(bars.columns(), whole);
  for (std::size_t i = 0; i < bars.size(); i += most) {
    const std::size_t rows = std::min(most, bars.size() - i);
    in_columns.compute(bars.columns().slice(i, rows), std::span(apart).subspan(i * width, rows * width));
  }
  for (std::size_t i = 0; i < bars.size(); ++i)
    CHECK(in_row.step(bars[i], std::span(alone).subspan(i * width, width)) == BarFault::none);
  CHECK(std::memcmp(whole.data(), apart.data(), whole.size() * sizeof(float)) == 0);
  CHECK(std::memcmp(whole.data(), alone.data(), whole.size() * sizeof(float)) == 0);
  CHECK(in_quads.state() == in_columns.state());
  CHECK(in_quads.state() == in_row.state());
}

std::vector<std::string> averages(int count) {
  std::vector<std::string> features;
  for (int k = 0; k < count; ++k)
    features.push_back(feature("EMA", "ema" + std::to_string(k), k + 2, "close"));
  return features;
}

TEST(any_number_of_lanes_and_any_order_of_the_output) {
  for (int count = 8; count <= 20; ++count) {
    std::vector<std::string> features = averages(count);
    check_same(plan_of(features));
    std::rotate(features.begin(), features.begin() + 3, features.end());
    std::swap(features[1], features[5]);
    check_same(plan_of(features));
  }
}

TEST(lanes_that_others_read_that_are_hidden_or_that_are_emitted_twice) {
  std::vector<std::string> features = averages(16);
  features.push_back(feature("DIFF", "looked_back_upon", 3, "ema1"));
  features.push_back(feature("SMA", "in_a_window", 5, "ema6"));
  features.push_back(feature("EMA", "again", 11, "close"));
  features.push_back(feature("EMA", "hidden", 40, "close", R"(, "hidden": true)"));
  features.push_back(feature("EMA", "of_hidden", 4, "hidden"));
  features.push_back(feature("EMA", "twice", 9, "close"));
  check_same(plan_of(features));
}

TEST(formulas_of_lanes_over_several_series) {
  std::vector<std::string> features;
  for (int window = 2; window <= 11; ++window) {
    const std::string w = std::to_string(window);
    features.push_back(feature("RSI", "rsi" + w, window, "close"));
    if (window % 2 == 0) features.push_back(feature("RSI", "of_volume" + w, window, "volume"));
    if (window % 3 == 0) features.push_back(feature("CMO", "cmo" + w, window, "close"));
    features.push_back(feature("EMA", "ema" + w, window, window < 5 ? "open" : "high"));
  }
  features.push_back(feature("DIFF", "looked_back_upon", 2, "rsi4"));
  check_same(plan_of(features));
}

TEST(windows_of_any_number_and_length) {
  for (const std::vector<int>& windows :
       {std::vector{2}, std::vector{300, 5, 3, 200, 1}, std::vector{14, 12, 3, 1, 64, 100, 5, 128, 129, 7}}) {
    std::vector<std::string> features;
    for (const int window : windows) {
      const std::string w = std::to_string(window);
      features.push_back(R"({"name": "range)" + w + R"(", "op": "PARKINSON", "window": )" + w + "}");
      for (const std::string op : {"ZWIN", "SMA", "ROLLING_MAX", "ARGMAX", "STDDEV"}) {
        if (window >= 2) features.push_back(feature(op, op + w, window, "close"));
      }
      for (const std::string op : {"LINEARREG_R2", "SKEWNESS"}) {
        if (window >= 3) features.push_back(feature(op, op + w, window, "close"));
      }
    }
    check_same(plan_of(features));
  }
}

TEST(lanes_of_one_series_form_quads_where_they_may) {
  CallColumns lanes(CallColumns::Kind::lanes);
  lanes.in.assign(9, 0);
  for (int column = 1; column <= 9; ++column) lanes.out.push_back(column);
  const std::span calls(&lanes, 1);
  Quads quads(calls, std::vector<bool>(10, true), lanes.out);
  CHECK(!quads.empty());
  CHECK(quads.row(0) == nullptr);  // the series itself
  CHECK(quads.row(9) == nullptr);  // has no neighbour
  for (const int first : {1, 5}) {
    for (int k = 1; k < 4; ++k) CHECK(quads.row(first + k) == quads.row(first) + k);
  }
  std::vector<bool> may_stand(10, true);
  may_stand[6] = false;  // somebody looks back upon it
  Quads some(calls, may_stand, lanes.out);
  CHECK(some.row(1) != nullptr && some.row(5) == nullptr);
}

TEST(what_a_float_cannot_hold_in_a_quad) {
  std::vector<std::string> features = {
      R"({"name": "square", "op": "MUL", "source": ["volume", "volume"], "hidden": true})",
      R"({"name": "fourth", "op": "MUL", "source": ["square", "square"], "hidden": true})",
      R"({"name": "eighth", "op": "MUL", "source": ["fourth", "fourth"], "hidden": true})",
      R"({"name": "huge", "op": "MUL", "source": ["eighth", "eighth"], "hidden": true})"};
  for (int k = 2; k < 12; ++k) features.push_back(feature("EMA", "ema" + std::to_string(k), k, "huge"));
  check_same(plan_of(features));
}

}  // namespace
