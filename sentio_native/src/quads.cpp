// Which columns stand in quads, and how the output is put together of these and of the others.
#include "quads.hpp"

#include <algorithm>
#include <cstdlib>

#include "kernels/kernel.hpp"

namespace sentio {
namespace {

// The rows of a quad, and two lines that keep those of several quads from one set of the cache.
constexpr std::size_t kLinesOfQuad = static_cast<std::size_t>(kBlock) * kLanes / 8 + 2;

}  // namespace

std::size_t CallColumns::lanes_from(std::size_t first) const {
  std::size_t count = 1;
  const auto is_next = [&] { return kind != Kind::lanes || in[first + count] == in[first]; };
  while (count < kLanes && first + count < out.size() && is_next()) ++count;
  return count;
}

Quads::Quads(std::span<const CallColumns> calls, const std::vector<bool>& may_stand,
             std::span<const int> emitted)
    : place_(may_stand.size(), kApart), width_(emitted.size()) {
  if (width_ < 8 || width_ * kTileRows + kLine > kTileValues) return;  // the output is put together otherwise
  for (const CallColumns& call : calls) form(call, may_stand);
  // A quad that is parted may part those that it was made of.
  for (bool parted = true; parted;) {
    parted = false;
    for (const CallColumns& call : calls) parted |= break_up(call);
  }
  if (std::all_of(place_.begin(), place_.end(), [](int at) { return at == kApart; })) return;
  memory_.resize(static_cast<std::size_t>(places_) / kLanes * kLinesOfQuad);
  emit_from(emitted);
}

double* Quads::row(int column) noexcept {
  const int at = place(column);
  if (at == kApart) return nullptr;
  const auto [quad, lane] = std::div(at, static_cast<int>(kLanes));
  return memory_[static_cast<std::size_t>(quad) * kLinesOfQuad].values + lane;
}

void Quads::form(const CallColumns& call, const std::vector<bool>& may_stand) {
  if (call.kind == CallColumns::Kind::other) return;
  for (std::size_t first = 0, count = 0; first < call.out.size(); first += count) {
    count = call.lanes_from(first);
    if (count == 1) continue;  // it has no neighbour
    const std::span lanes = std::span(call.out).subspan(first, count);
    const auto may = [&](int column) { return may_stand[static_cast<std::size_t>(column)]; };
    if (!std::all_of(lanes.begin(), lanes.end(), may)) continue;
    if (call.kind == CallColumns::Kind::formulas && !reads_quads(call, first, count)) continue;
    for (const int column : lanes) place_[static_cast<std::size_t>(column)] = places_++;
    places_ += static_cast<int>(kLanes - count);
  }
}

// Parts the quads that a call cannot do with; returns whether there were any.
bool Quads::break_up(const CallColumns& call) {
  bool parted = false;
  if (call.kind != CallColumns::Kind::formulas) {
    for (const int column : call.in) parted |= part(column);
    return parted;
  }
  const std::size_t inputs = call.in.size() / call.out.size();
  for (std::size_t first = 0, count = 0; first < call.out.size(); first += count) {
    count = call.lanes_from(first);
    if (place(call.out[first]) != kApart && reads_quads(call, first, count)) continue;
    parted |= part(call.out[first]);
    for (std::size_t k = inputs * first; k < inputs * (first + count); ++k) parted |= part(call.in[k]);
  }
  return parted;
}

// Whether each input of the formulas from `first` on is a quad, in their order.
bool Quads::reads_quads(const CallColumns& call, std::size_t first, std::size_t lanes) const {
  const std::size_t inputs = call.in.size() / call.out.size();
  for (std::size_t k = 0; k < inputs * lanes; ++k) {
    const int begin = place(call.in[inputs * first + k % inputs]);
    if (begin == kApart || begin % static_cast<int>(kLanes) != 0) return false;
    if (place(call.in[inputs * first + k]) != begin + static_cast<int>(k / inputs)) return false;
  }
  return true;
}

// Lets all columns of a column's quad stand apart; returns whether it was in one.
bool Quads::part(int column) {
  if (place(column) == kApart) return false;
  const int quad = place(column) / static_cast<int>(kLanes);
  for (int& at : place_) {
    if (at != kApart && at / static_cast<int>(kLanes) == quad) at = kApart;
  }
  return true;
}

void Quads::emit_from(std::span<const int> emitted) {
  for (std::size_t f = 0; f < width_; ++f) {
    const int at = place(emitted[f]);
    if (at == kApart) continue;
    const auto lane = static_cast<std::size_t>(at) % kLanes;
    const double* const rows = row(emitted[f]) - lane;
    const auto is_free = [&](const EmittedQuad& q) { return q.rows == rows && q.to[lane] == kNotEmitted; };
    auto quad = std::find_if(emitted_.begin(), emitted_.end(), is_free);
    if (quad == emitted_.end()) {
      quad = emitted_.insert(quad, {.rows = rows, .to = {}, .neighbours = false});
      quad->to.fill(kNotEmitted);
    }
    quad->to[lane] = f;
  }
  for (EmittedQuad& quad : emitted_) {
    quad.neighbours = quad.to[0] != kNotEmitted;
    for (std::size_t k = 1; k < kLanes; ++k) quad.neighbours &= quad.to[k] == quad.to[0] + k;
  }
  // An eight begins with a column that stands apart; the quads' places in it take that one's, and are written
  // afterwards.
  for (std::size_t f = 0; f < width_;) {
    if (place(emitted[f]) != kApart) {
      ++f;
      continue;
    }
    const std::size_t first = std::min(f, width_ - 8);
    std::array<std::size_t, 8> sources;
    for (std::size_t k = 0; k < 8; ++k) sources[k] = place(emitted[first + k]) == kApart ? first + k : f;
    sources_.push_back(sources);
    eights_.push_back({.columns = {}, .to = first});
    f = first + 8;
  }
}

void Quads::emit(const double* const* columns, std::ptrdiff_t rows, float* out, bool streaming) noexcept {
  for (std::size_t e = 0; e < eights_.size(); ++e) {
    for (std::size_t k = 0; k < 8; ++k) eights_[e].columns[k] = columns[sources_[e][k]];
  }
  row_loops().emit_quads(eights_, emitted_, width_, rows, out, streaming);
}

}  // namespace sentio
