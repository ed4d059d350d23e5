// Which columns stand side by side, and how the output is put together of them.
#include "lone_row.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/in_vectors.hpp"

namespace sentio {

LoneRow::LoneRow(std::span<const CallColumns> calls, const std::vector<bool>& may_stand,
                 std::span<const int> emitted)
    : place_(may_stand.size(), kElsewhere) {
  std::vector<bool> found(may_stand.size());
  for (const int column : emitted) found[static_cast<std::size_t>(column)] = true;
  const auto is_emitted = [&](int column) { return found[static_cast<std::size_t>(column)]; };
  // Calls of which nothing is emitted come last, so that their columns need not be rounded.
  std::vector<const CallColumns*> hidden;
  for (const CallColumns& call : calls) {
    if (std::any_of(call.out.begin(), call.out.end(), is_emitted)) {
      stand(call, may_stand);
    } else {
      hidden.push_back(&call);
    }
  }
  copies_ = places_;
  std::vector<std::size_t> from;
  for (std::size_t f = 0; f < emitted.size(); ++f) {
    from.push_back(place(emitted[f]));
    if (from[f] != kElsewhere) continue;
    from[f] = places_++;
    copied_.push_back(f);
  }
  take(from);
  places_ = padded_lanes(places_);
  rounded_.resize(places_);
  for (const CallColumns* call : hidden) stand(*call, may_stand);
  row_.resize(places_);
}

void LoneRow::stand(const CallColumns& call, const std::vector<bool>& may_stand) {
  for (std::size_t first = 0, count = 0; first < call.out.size(); first += count) {
    count = call.lanes_from(first);
    for (std::size_t k = 0; k < count; ++k) {
      const auto column = static_cast<std::size_t>(call.out[first + k]);
      if (may_stand[column]) place_[column] = places_ + k;
    }
    places_ += kLanes;
  }
}

void LoneRow::take(const std::vector<std::size_t>& from) {
  const auto are_neighbours = [&](std::size_t first, std::size_t count) {
    for (std::size_t k = 1; k < count; ++k) {
      if (first + k == from.size() || from[first + k] != from[first] + k) return false;
    }
    return true;
  };
  for (std::size_t f = 0; f < from.size();) {
    const bool four = are_neighbours(f, kLanes);
    (four ? fours_ : ones_).push_back({from[f], f});
    f += four ? kLanes : 1;
  }
}

double* LoneRow::at(int column) noexcept {
  return place(column) == kElsewhere ? nullptr : row_.data() + place(column);
}

bool LoneRow::are_side_by_side(std::span<const int> in, std::size_t inputs) const noexcept {
  for (std::size_t k = 0; k < in.size(); ++k) {
    const std::size_t first = place(in[k % inputs]);
    if (first == kElsewhere || place(in[k]) != first + k / inputs) return false;
  }
  return true;
}

bool LoneRow::holds(const CallColumns& call) const noexcept {
  return std::all_of(call.out.begin(), call.out.end(), [&](int c) { return place(c) != kElsewhere; });
}

bool LoneRow::emit_usual(const double* const* columns, std::span<float> out) noexcept {
  for (std::size_t k = 0; k < copied_.size(); ++k) row_[copies_ + k] = *columns[copied_[k]];
  std::uint32_t found = 0;
  const std::size_t count = rounded_.size();
  const double* const row = row_.data();
  float* const rounded = rounded_.data();
  in_vectors(static_cast<std::ptrdiff_t>(count), [=, &found] {
    std::uint32_t unusual = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const auto value = static_cast<float>(row[k]);
      rounded[k] = value;
      unusual |= std::bit_cast<std::uint32_t>(value - value);  // zero but for infinities and NaN
    }
    found = unusual;
  });
  for (const auto& [from, to] : fours_) std::copy_n(rounded + from, kLanes, out.data() + to);
  for (const auto& [from, to] : ones_) out[to] = rounded[from];
  return found == 0;
}

}  // namespace sentio
