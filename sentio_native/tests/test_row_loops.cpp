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

// Mostly such that a float rounds them; now and then one that no float holds.
std::vector<double> made_column(test::Dice& dice) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double unusual[] = {
      kInfinity, -kInfinity, std::bit_cast<double>(0xFFF8000000000123), 1e39, -1e300, -0.0, 1e-42, 1e-300};
  std::vector<double> column(kRows);
  for (double& value : column) {
    value = 1000.0 * (dice.roll() - 0.5);
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

TEST(every_instruction_set_rounds_and_places_every_value) {
  for (const RowLoops* loops : usable_row_loops()) {
    for (const bool streaming : {false, true}) {
      for (const std::size_t width : kWidths) {
        for (std::size_t rows = 1; rows <= kRows; rows += 7) check_matrix(*loops, width, rows, 0, streaming);
      }
      for (std::size_t place = 1; place < 16; ++place) check_matrix(*loops, 55, kRows, place, streaming);
    }
  }
}

}  // namespace
