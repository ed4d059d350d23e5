// The values of a window in order, as a tree.
#include "kernels/window_tree.hpp"

#include "kernels/series.hpp"

namespace sentio {

WindowTree::WindowTree(std::int64_t window) : nodes_(static_cast<std::size_t>(window)) {
  std::uint32_t priority = 1;
  for (Node& n : nodes_) {  // Marsaglia, Xorshift RNGs (2003): no priority twice
    priority ^= priority << 13;
    priority ^= priority >> 17;
    priority ^= priority << 5;
    n.priority = priority;
  }
}

void WindowTree::fill(const double* newest, std::int64_t row, std::int64_t known) noexcept {
  const auto window = static_cast<std::int64_t>(nodes_.size());
  root_ = kNone;
  for (std::int64_t age = 0; age < window; ++age) {
    put(static_cast<std::int32_t>((row + window - age) % window), age < known ? newest[-age] : 0.0);
  }
}

void WindowTree::replace(std::int64_t row, double value) noexcept {
  const auto slot = static_cast<std::int32_t>(row % static_cast<std::int64_t>(nodes_.size()));
  root_ = erase(root_, slot);
  put(slot, value);
}

void WindowTree::put(std::int32_t slot, double value) noexcept {
  Node& fresh = node(slot);
  fresh.value = value + 0.0;  // one zero alone: equal values must be equal bits
  fresh.left = fresh.right = kNone;
  sum_up(slot);
  root_ = insert(root_, slot);
}

double WindowTree::nth(std::int64_t place) const noexcept {
  std::int32_t tree = root_;
  for (;;) {
    const Node& at = node(tree);
    const std::int64_t before = count(at.left);
    if (place == before) return at.value;
    tree = place < before ? at.left : at.right;
    if (place > before) place -= before + 1;
  }
}

Standing WindowTree::standing(double value) const noexcept {
  std::int64_t below = 0, not_above = 0;
  for (std::int32_t tree = root_; tree != kNone;) {
    const Node& at = node(tree);
    if (at.value < value) below += count(at.left) + 1;
    tree = at.value < value ? at.right : at.left;
  }
  for (std::int32_t tree = root_; tree != kNone;) {
    const Node& at = node(tree);
    if (!(at.value > value)) not_above += count(at.left) + 1;
    tree = at.value > value ? at.left : at.right;
  }
  return {below, not_above - below};
}

double WindowTree::above_mean(double value) const noexcept {
  const Node& root = node(root_);
  return (value - root.value) - root.offsets / static_cast<double>(nodes_.size());
}

// Deviations from the mean add up to zero, so those below it are half of all. Subtrees that are wholly below
// count as one term each.
double WindowTree::mean_absolute_deviation() const noexcept {
  double sum = 0.0;
  for (std::int32_t tree = root_; tree != kNone;) {
    const Node& at = node(tree);
    const double below = -above_mean(at.value);
    if (!(below > 0.0)) {
      tree = at.left;
      continue;
    }
    sum += below;
    if (at.left != kNone) {
      const Node& left = node(at.left);
      sum += larger(left.count * -above_mean(left.value) - left.offsets, 0.0);
    }
    tree = at.right;
  }
  return 2.0 * sum / static_cast<double>(nodes_.size());
}

// Equal values in the order of their slots: the shape must not depend on which came first.
bool WindowTree::before(std::int32_t a, std::int32_t b) const noexcept {
  return node(a).value < node(b).value || (node(a).value == node(b).value && a < b);
}

void WindowTree::sum_up(std::int32_t tree) noexcept {
  Node& at = node(tree);
  at.count = 1;
  at.offsets = 0.0;
  for (const std::int32_t child : {at.left, at.right}) {
    if (child == kNone) continue;
    const Node& of = node(child);
    at.count += of.count;
    at.offsets += of.offsets + of.count * (of.value - at.value);
  }
}

std::int32_t WindowTree::insert(std::int32_t tree, std::int32_t fresh) noexcept {
  if (tree == kNone) return fresh;
  Node& at = node(tree);
  if (at.priority < node(fresh).priority) {
    split(tree, fresh, node(fresh).left, node(fresh).right);
    sum_up(fresh);
    return fresh;
  }
  std::int32_t& side = before(fresh, tree) ? at.left : at.right;
  side = insert(side, fresh);
  sum_up(tree);
  return tree;
}

std::int32_t WindowTree::erase(std::int32_t tree, std::int32_t gone) noexcept {
  Node& at = node(tree);
  if (tree == gone) return merge(at.left, at.right);
  std::int32_t& side = before(gone, tree) ? at.left : at.right;
  side = erase(side, gone);
  sum_up(tree);
  return tree;
}

std::int32_t WindowTree::merge(std::int32_t left, std::int32_t right) noexcept {
  if (left == kNone) return right;
  if (right == kNone) return left;
  const bool left_leads = node(left).priority > node(right).priority;
  const std::int32_t tree = left_leads ? left : right;
  if (left_leads) {
    node(left).right = merge(node(left).right, right);
  } else {
    node(right).left = merge(left, node(right).left);
  }
  sum_up(tree);
  return tree;
}

void WindowTree::split(std::int32_t tree, std::int32_t by, std::int32_t& left, std::int32_t& right) noexcept {
  if (tree == kNone) {
    left = right = kNone;
    return;
  }
  Node& at = node(tree);
  if (before(tree, by)) {
    left = tree;
    split(at.right, by, at.right, right);
  } else {
    right = tree;
    split(at.left, by, left, at.left);
  }
  sum_up(tree);
}

}  // namespace sentio
