// What replies grant: counted in one transaction with their being stored.
#include <algorithm>
#include <cstring>
#include <vector>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/reply_bytes.h"
#include "session/direct_seam.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

// The entry that a request's reply is about; the name is empty where it has none.
struct NewEdge {
  NodeId parent;
  const char* name = "";
  bool fresh = false;
};

NewEdge edge_of(const fuse_req& req) {
  const NodeId parent = req.message->node();
  switch (req.row->opcode) {
    case Opcode::lookup:
      return {parent, name_in<wire::Lookup>(req), false};
    case Opcode::mknod:
      return {parent, name_in<wire::Mknod>(req), !req.rerun};
    case Opcode::mkdir:
      return {parent, name_in<wire::Mkdir>(req), !req.rerun};
    case Opcode::symlink:
      return {parent, name_in<wire::Symlink>(req), !req.rerun};
    case Opcode::link:
      return {parent, name_in<wire::Link>(req), false};
    case Opcode::create:
      return {parent, name_in<wire::Create>(req), false};
    default:
      return {parent, "", false};
  }
}

uint32_t open_flags_of(const fuse_req& req) {
  switch (req.row->opcode) {
    case Opcode::open:
      return args_of<wire::Open>(req).flags;
    case Opcode::opendir:
      return args_of<wire::Opendir>(req).flags;
    case Opcode::create:
      return args_of<wire::Create>(req).flags;
    case Opcode::tmpfile:
      return args_of<wire::Tmpfile>(req).flags;
    default:
      return 0;
  }
}

}  // namespace

// The entry and the handle of a reply that lies in `room`, in one transaction with its being
// stored; 0 or an errno.
int ReconnectSeam::grant(fuse_req& req, const Slot& slot, const Reply& reply,
                         std::span<std::byte> room, uint32_t fopen_flags) {
  Txn txn(*state_, slot);
  NodeId node = req.message->node();
  if (reply.entry != nullptr) {
    const NewEdge edge = edge_of(req);
    const auto granted = state_->nodes().grant_in(txn, edge.parent, edge.name, reply.entry->ino,
                                                  generation_in(session_, reply.entry->generation),
                                                  identity_in(session_, *reply.entry),
                                                  edge.fresh ? Fresh::yes : Fresh::no);
    if (!granted) return granted.error();
    node = granted->id;
    const size_t at = sizeof(wire::OutHeader);
    *word_at(room, at + offsetof(wire::EntryOut, nodeid)) = granted->id.value;
    *word_at(room, at + offsetof(wire::EntryOut, generation)) = granted->generation;
    if (session_.inode_numbers == InodeNumbers::node_ids) {
      *word_at(room, at + offsetof(wire::EntryOut, attr) + offsetof(wire::Attr, ino)) =
          granted->id.value;
    }
  }
  if (reply.open != nullptr) {
    const bool directory = req.row->opcode == Opcode::opendir;
    const size_t at = room.size() - sizeof(wire::OpenOut);
    wire::OpenOut open;
    std::memcpy(&open, room.data() + at, sizeof open);
    const uint32_t backing =
        open.backing_id > 0 ? backing_for(node, static_cast<uint32_t>(open.backing_id)) : 0;
    const auto granted =
        state_->handles().grant_in(txn, node, reply.open->fh, open_flags_of(req), fopen_flags,
                                   directory ? HandleKind::directory : HandleKind::file, backing);
    if (!granted) {
      backing_left(node, backing);
      return granted.error();
    }
    open.fh = granted->value;
    open.backing_id = static_cast<int32_t>(backing);
    std::memcpy(room.data() + at, &open, sizeof open);
  }
  txn.publish(
      SlotPublish::replied(slot.offset_of(room.data()), static_cast<uint32_t>(room.size())));
  return txn.commit().error();
}

int ReconnectSeam::reply_granting(fuse_req& req, const Slot& slot, const Reply& reply) {
  const uint32_t minor = req.session->negotiated.minor;
  wire::EntryOut entry{};
  wire::OpenOut open{};
  if (reply.entry != nullptr) entry = wire::make_entry(*reply.entry);
  if (reply.open != nullptr) open = wire::make_open(*reply.open);
  if (successor_ && req.row->opcode == Opcode::opendir) {
    // The kernel would go on filling what it has kept of a listing with the offsets of another
    // incarnation.
    open.open_flags &= ~wire::open_reply::cache_dir;
  }
  std::byte body[sizeof(wire::CreateOut)];
  const size_t body_size = put_grants(body, reply.entry != nullptr ? &entry : nullptr,
                                      reply.open != nullptr ? &open : nullptr, minor);
  const std::span<std::byte> room = slot.reply_space(sizeof(wire::OutHeader) + body_size);
  int error = EMSGSIZE;
  if (!room.empty()) {
    put_header(room, req.unique(), 0);
    std::memcpy(room.data() + sizeof(wire::OutHeader), body, body_size);
    error = grant(req, slot, reply, room, open.open_flags);
  }
  if (error == 0) return send_stored(req, slot);
  log_error("fuse: the answer to %s cannot be kept: %s", req.row->name, std::strerror(error));
  if (reply.open != nullptr) {
    const uint64_t ino = reply.entry != nullptr ? reply.entry->ino : req.ino;
    tell_release(session_, *req.lane, ino, *reply.open, req.row->opcode == Opcode::opendir);
  }
  if (reply.entry != nullptr) tell_forget(session_, *req.lane, reply.entry->ino, 1);
  return reply_unstored(req, slot, {.error = -error});
}

// The kernel did not take the reply. Back to front, so that what is still counted is always the
// beginning of the reply.
void ReconnectSeam::take_back_grants(const Slot& slot, wire::Opcode opcode,
                                     std::span<std::byte> reply) {
  if (opcode == Opcode::readdirplus) {
    const auto payload = reply.subspan(std::min(reply.size(), sizeof(wire::OutHeader)));
    std::vector<std::pair<size_t, NodeId>> granted;
    for (wire::DirentplusWalker walker(payload); walker.valid(); walker.next()) {
      if (walker.entry().nodeid == 0) continue;
      granted.emplace_back(sizeof(wire::OutHeader) + walker.position(),
                           NodeId{walker.entry().nodeid});
    }
    for (auto it = granted.rbegin(); it != granted.rend(); ++it) {
      const auto publish = SlotPublish::counted(static_cast<uint32_t>(it->first));
      (void)state_->nodes().ungrant(slot, it->second, publish);
    }
    return;
  }
  const uint32_t minor = session_.negotiated.minor;
  const auto header = wire::reply_header(reply);
  if (!header || header->error != 0) return;
  if (const auto open = wire::reply_open(opcode, reply, minor)) {
    free_handle(slot, HandleId{open->fh}, SlotPublish::none());
  }
  const auto entry = wire::reply_entry(opcode, reply, minor);
  if (entry && entry->nodeid != 0) {
    (void)state_->nodes().ungrant(slot, NodeId{entry->nodeid}, SlotPublish::none());
  }
}

}  // namespace fuse3::reconnect
