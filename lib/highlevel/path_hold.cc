#include "highlevel/path_hold.h"

#include <cerrno>
#include <cstring>
#include <new>

namespace fuse3 {

bool PathText::grow(size_t wanted) {
  size_t size = size_ * 2;
  const size_t used = size_ - start_;
  while (size < used + wanted) size *= 2;
  std::unique_ptr<char[]> larger(new (std::nothrow) char[size]);
  if (larger == nullptr) return false;
  std::memcpy(larger.get() + size - used, text() + start_, used);
  more_ = std::move(larger);
  start_ = size - used;
  size_ = size;
  return true;
}

bool PathText::prepend(std::string_view name) {
  if (start_ < name.size() + 1 && !grow(name.size() + 1)) return false;
  start_ -= name.size();
  std::memcpy(text() + start_, name.data(), name.size());
  text()[--start_] = '/';
  return true;
}

int PathHold::set_end(size_t i, uint64_t node, std::string_view name, bool removes) {
  ends_[i].node = tree_.find(node);
  ends_[i].name = name;
  ends_[i].removes = removes;
  return ends_[i].node != nullptr ? 0 : -ESTALE;
}

int PathHold::take(uint64_t node) {
  return take(node, {});
}

int PathHold::take(uint64_t parent, std::string_view name) {
  const int error = set_end(0, parent, name, false);
  return error != 0 ? error : take_all(1);
}

int PathHold::take_two(uint64_t node, uint64_t other, std::string_view name) {
  int error = set_end(0, node, {}, false);
  if (error == 0) error = set_end(1, other, name, false);
  return error != 0 ? error : take_all(2);
}

int PathHold::take_to_remove(uint64_t parent, std::string_view name) {
  const int error = set_end(0, parent, name, true);
  return error != 0 ? error : take_all(1);
}

int PathHold::take_to_rename(uint64_t parent, std::string_view name, uint64_t new_parent,
                             std::string_view new_name) {
  int error = set_end(0, parent, name, true);
  if (error == 0) error = set_end(1, new_parent, new_name, true);
  return error != 0 ? error : take_all(2);
}

// A mover that has met users of a node it wants to own says so and waits; its word stands until the
// next attempt is over, which therefore meets at most other movers.
int PathHold::take_all(size_t count) {
  const auto manner = ends_[0].removes ? PlaceLock::Manner::mover : PlaceLock::Manner::polite;
  Node* wanted = nullptr;
  Obstacle met;
  for (;;) {
    met = attempt(count, manner);
    if (wanted != nullptr) {
      wanted->place.unwant();
      tree_.release(*wanted);
      wanted = nullptr;
    }
    if (met.node == nullptr) break;
    if (met.to_own) {
      wanted = met.node;
      wanted->place.want();
      wanted->place.wait_to_own();
    } else {
      met.node->place.wait_to_share(manner);
    }
  }
  return -met.error;
}

PathHold::Obstacle PathHold::attempt(size_t count, PlaceLock::Manner manner) {
  Obstacle met;
  for (size_t i = 0; i < count && met.error == 0 && met.node == nullptr; ++i) {
    met = climb(ends_[i], manner);
  }
  for (size_t i = 0; i < count && met.error == 0 && met.node == nullptr; ++i) {
    if (ends_[i].removes) met = own_victim(ends_[i]);
  }
  if (met.error != 0 || met.node != nullptr) release();
  return met;
}

// Each step shares a place before it reads what the place says. The root is never moved.
PathHold::Obstacle PathHold::climb(End& end, PlaceLock::Manner manner) {
  end.text.clear();
  bool fits = end.name.empty() || end.text.prepend(end.name);
  for (Node* at = end.node; at != &tree_.root(); at = at->parent) {
    const auto outcome = at->place.share(manner);
    if (outcome != PlaceLock::Outcome::shared) {
      unshare(end.node, at);
      if (outcome == PlaceLock::Outcome::dead) return {.error = ESTALE};
      return {.node = at};
    }
    if (at->parent == nullptr) {
      Node* const nameless = at;
      unshare(end.node, nameless);
      nameless->place.unshare();
      return {.error = ENOENT};
    }
    fits = fits && end.text.prepend(at->name());
  }
  end.climbed = true;
  if (!fits) return {.error = ENOMEM};
  return {};
}

// Whether the way from the end up to the root passes the node.
bool PathHold::leads_through(const End& end, const Node& node) const {
  for (const Node* at = end.node; at != &tree_.root(); at = at->parent) {
    if (at == &node) return true;
  }
  return false;
}

PathHold::Obstacle PathHold::own_victim(End& end) {
  Node* child = tree_.hold_child(*end.node, end.name);
  if (child == nullptr) return {};
  if (&end == &ends_[1] && child == ends_[0].victim) {
    tree_.release(*child);  // both names are one: owned once is owned
    return {};
  }
  // The kernel asks for no such thing, and we would wait for ourselves.
  for (const End& other : ends_) {
    if (other.climbed && leads_through(other, *child)) {
      tree_.release(*child);
      return {.error = EINVAL};
    }
  }
  if (!child->place.own()) return {.node = child, .to_own = true};
  end.victim = child;
  return {};
}

void PathHold::unshare(Node* from, const Node* until) {
  const Node* const stop = until != nullptr ? until : &tree_.root();
  for (Node* at = from; at != stop;) {
    // Afterwards it may be moved.
    Node* const parent = at->parent;
    at->place.unshare();
    at = parent;
  }
}

void PathHold::release() {
  for (End& end : ends_) {
    if (Node* victim = std::exchange(end.victim, nullptr)) {
      victim->place.disown();
      tree_.release(*victim);
    }
    if (std::exchange(end.climbed, false)) unshare(end.node, nullptr);
  }
}

}  // namespace fuse3
