// Each instruction set's loop that writes the matrix, against one value at a time.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.hpp"
#include "kernels/row_loops.hpp"
#include "made_bars.hpp"

namespace {

using namespace sentio;

constexpr std::size_t kRows = 43;  // tiles of sixteen rows or of eight, and some that fill none
// About those from which on there are vectors, other tiles, none.
constexpr std::size_t kWidths[] = {1, 3, 4, 5, 7, 8, 9, 55, 63, 64, 126, 127, 1023, 1024, 2046, 2047};
constexpr std::uint32_t kUntouched = 0x12345678;

std::uint32_t rounded(double value) {
  if (std::isnan(value)) return 0x7FC00000;
  const auto nearest = static_cast<float>(value);
  return std::bit_cast<std::uint32_t>(
      std::isinf(nearest) ? std::copysign(std::numeric_limits<float>::max(), nearest) : nearest);
}

// Mostly such that a float rounds them; now and then one that no float holds. Some columns are so large that
// no float holds the sum of a few of their values, either.
std::vector<double> made_column(test::Dice& dice) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double unusual[] = {
      kInfinity, -kInfinity, std::bit_cast<double>(0xFFF8000000000123), 1e39, -1e300, -0.0, 1e-42, 1e-300};
  const double size = dice.roll() < 0.1 ? 6e38 : 1000.0;
  std::vector<double> column(kRows);
  for (double& value : column) {
    value = size * (dice.roll() - 0.5);
    if (dice.roll() < 0.002) value = unusual[static_cast<std::size_t>(dice.roll() * 8.0)];
  }
  return column;
}

void check_matrix(const RowLoops& loops, std::size_t width, std::size_t rows, std::size_t place,
                  bool streaming) {
  test::Dice dice(width);
  std::vector<std::vector<double>> columns;
  std::vector<const double*> pointers;
  for (std::size_t f = 0; f < width; ++f) {
    columns.push_back(made_column(dice));
    pointers.push_back(columns.back().data());
  }
  const std::size_t size = rows * width;
  std::vector<float> memory(place + size + 16, std::bit_cast<float>(kUntouched));
  loops.emit(pointers.data(), width, static_cast<std::ptrdiff_t>(rows), memory.data() + place, streaming);
  for (std::size_t k = 0; k < memory.size(); ++k) {
    const bool inside = k >= place && k < place + size;
    const std::size_t i = inside ? (k - place) / width : 0, f = inside ? (k - place) % width : 0;
    CHECK_EQUAL(std::bit_cast<std::uint32_t>(memory[k]), inside ? rounded(columns[f][i]) : kUntouched);
  }
}

// Two eights, and quads whose lanes are neighbours, in another order, and emitted in part.
void check_quads(const RowLoops& loops, std::size_t place, bool streaming) {
  constexpr std::size_t kWidth = 26, kWhole = 3 * kTileRows;
  test::Dice dice(place);
  std::vector<std::vector<double>> columns;
  for (std::size_t f = 0; f < kWidth; ++f) {
    columns.push_back(made_column(dice));
    columns.back().resize(kWhole, 0.5);
  }
  std::vector<EmittedEight> eights = {{.columns = {}, .to = 0}, {.columns = {}, .to = 12}};
  for (EmittedEight& eight : eights) {
    for (std::size_t k = 0; k < 8; ++k) eight.columns[k] = columns[eight.to + k].data();
  }
  std::vector<EmittedQuad> quads = {
      {.rows = nullptr, .to = {8, 9, 10, 11}, .neighbours = true},
      {.rows = nullptr, .to = {20, 22, 21, 23}, .neighbours = false},
      {.rows = nullptr, .to = {24, kNotEmitted, 25, kNotEmitted}, .neighbours = false}};
  std::vector<std::vector<double>> rows;
  for (EmittedQuad& quad : quads) {
    rows.emplace_back(kLanes * kWhole);
    for (std::size_t k = 0; k < rows.back().size(); ++k) {
      const std::size_t f = quad.to[k % kLanes];
      if (f != kNotEmitted) rows.back()[k] = columns[f][k / kLanes];
    }
    quad.rows = rows.back().data();
  }
  std::vector<float> memory(place + kWhole * kWidth + 16, std::bit_cast<float>(kUntouched));
  loops.emit_quads(eights, quads, kWidth, kWhole, memory.data() + place, streaming);
  for (std::size_t k = 0; k < memory.size(); ++k) {
    const bool inside = k >= place && k < place + kWhole * kWidth;
    const std::size_t i = inside ? (k - place) / kWidth : 0, f = inside ? (k - place) % kWidth : 0;
    CHECK_EQUAL(std::bit_cast<std::uint32_t>(memory[k]), inside ? rounded(columns[f][i]) : kUntouched);
  }
}

TEST(every_instruction_set_rounds_and_places_every_value) {
  for (const RowLoops* loops : usable_row_loops()) {
    for (const bool streaming : {false, true}) {
      for (std::size_t place = 0; place < 16; ++place) check_quads(*loops, place, streaming);
      for (const std::size_t width : kWidths) {
        for (std::size_t rows = 1; rows <= kRows; rows += 7) check_matrix(*loops, width, rows, 0, streaming);
      }
      for (std::size_t place = 1; place < 16; ++place) check_matrix(*loops, 55, kRows, place, streaming);
    }
  }
}

}  // namespace
