// Files that are removed while they are open. The layer above hides them instead (Seam::hiding()),
// and removes them when they are closed for the last time; so it has to know of all who have them
// open, those of former incarnations included.
#include <atomic>
#include <cstring>

#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/victim.h"
#include "wire/request.h"

namespace fuse3::reconnect {
using wire::Opcode;

std::optional<Victim> victim_of(const fuse_req& req) {
  const auto& negotiated = req.session->negotiated;
  switch (req.row->opcode) {
    case Opcode::unlink:
      if (const auto args = wire::decode<wire::Unlink>(*req.message, negotiated)) {
        return Victim{req.message->node(), args->name};
      }
      return std::nullopt;
    case Opcode::rename:
    case Opcode::rename2:
      if (const auto args = wire::decode<wire::Rename>(*req.message, negotiated)) {
        return Victim{args->new_parent, args->new_name};
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

int ReconnectSeam::hiding(fuse_req& req, std::string_view name, std::string_view hidden) {
  const Slot slot = slot_of(req);
  const auto victim = victim_of(req);
  if (!slot || !victim || name != victim->name) return 0;
  return -state_->nodes().add_hidden_edge(slot, victim->parent, name, hidden).error();
}

void ReconnectSeam::not_hidden(fuse_req& req, std::string_view hidden) {
  const Slot slot = slot_of(req);
  const auto victim = victim_of(req);
  if (!slot || !victim) return;
  (void)state_->nodes().remove_edge(slot, victim->parent, hidden, SlotPublish::none());
}

// The handles of a node that dead incarnations have left, each given once.
std::vector<HandleId> ReconnectSeam::take_stale_handles(NodeId node) {
  HandleTable& handles = state_->handles();
  std::lock_guard guard(stale_lock_);
  if (!std::exchange(stale_known_, true)) {
    handles.for_each([&](uint32_t index) {
      if (handles.bound(index) || handles.kind(index) != HandleKind::file) return;
      stale_handles_[handles.node(index).value].push_back(handles.id(index));
    });
  }
  const auto found = stale_handles_.find(node.value);
  if (found == stale_handles_.end()) return {};
  std::vector<HandleId> taken = std::move(found->second);
  stale_handles_.erase(found);
  return taken;
}

// The node whose users matter to the request: what it removes, or what is hidden and closed.
std::optional<NodeId> ReconnectSeam::node_in_use(const fuse_req& req) {
  if (req.row->replay == Replay::released) {
    const auto node = state_->nodes().find(req.message->node());
    if (!node || !state_->nodes().hidden(node->index)) return std::nullopt;
    return req.message->node();
  }
  const auto victim = victim_of(req);
  if (!victim) return std::nullopt;
  return state_->nodes().find_edge(victim->parent, victim->name);
}

// True: the request waits until they are open again, and is run anew then. One that cannot be
// opened again is none of those that keep the file.
bool ReconnectSeam::revive_open_files(fuse_req& req) {
  if (!successor_ || !session_.names_are_nodes) return false;
  const auto node = node_in_use(req);
  if (!node) return false;
  const std::vector<HandleId> stale = take_stale_handles(*node);
  if (stale.empty()) return false;
  // One more than there are, so that the last one does not come before the first.
  auto* left = new std::atomic<size_t>(stale.size() + 1);
  const auto one_less = [this, &req, left](int) {
    if (left->fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    delete left;
    run_again(req);
  };
  for (const HandleId id : stale) revive_handle(req, id, one_less, Absence::expected);
  one_less(0);
  return true;
}

}  // namespace fuse3::reconnect
