// Replies: what they grant is counted together with their being stored, then they are sent.
#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "reconnect/seam/reconnect_seam.h"
#include "session/direct_seam.h"
#include "session/message_out.h"
#include "support/log.h"
#include "wire/reply.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

// The entry that a request's reply is about; the name is empty where it has none.
struct NewEdge {
  NodeId parent;
  const char* name = "";
  bool fresh = false;
};

template <class Args>
const char* name_in(const fuse_req& req) {
  const auto args = wire::decode<Args>(*req.message, req.session->negotiated);
  return args ? args->name : "";
}

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
  const auto& negotiated = req.session->negotiated;
  switch (req.row->opcode) {
    case Opcode::open:
      if (const auto args = wire::decode<wire::Open>(*req.message, negotiated)) return args->flags;
      break;
    case Opcode::opendir:
      if (const auto args = wire::decode<wire::Opendir>(*req.message, negotiated)) {
        return args->flags;
      }
      break;
    case Opcode::create:
      if (const auto args = wire::decode<wire::Create>(*req.message, negotiated)) {
        return args->flags;
      }
      break;
    case Opcode::tmpfile:
      if (const auto args = wire::decode<wire::Tmpfile>(*req.message, negotiated)) {
        return args->flags;
      }
      break;
    default:
      break;
  }
  return 0;
}

Identity identity_of(const wire::Attr& attr) {
  // note_direntplus() left the device in `flags`.
  return {attr.ino, attr.flags, attr.mode & S_IFMT};
}

Identity identity_of(const fuse_entry_param& entry) {
  return {entry.attr.st_ino, fold_device(entry.attr.st_dev), entry.attr.st_mode & S_IFMT};
}

void put_header(std::span<std::byte> reply, RequestId unique, int error) {
  const wire::OutHeader header =
      wire::make_header(unique, error, reply.size() - sizeof(wire::OutHeader));
  std::memcpy(reply.data(), &header, sizeof header);
}

void gather(const MessageOut& message, std::span<std::byte> room) {
  size_t at = 0;
  for (int i = 0; i < message.count(); ++i) {
    std::memcpy(room.data() + at, message.pieces()[i].iov_base, message.pieces()[i].iov_len);
    at += message.pieces()[i].iov_len;
  }
}

uint64_t* word_at(std::span<std::byte> reply, size_t offset) {
  return reinterpret_cast<uint64_t*>(reply.data() + offset);
}

}  // namespace

int ReconnectSeam::reply(fuse_req& req, const Reply& reply) {
  if (req.rerun && reply.error != 0 && req.runs_here()) {
    req.held_error = reply.error;
    return 0;
  }
  if (req.rerun && check_after(req, reply)) return 0;
  const Slot slot = slot_of(req);
  if (reply.error == 0) {
    const bool negative = reply.entry != nullptr && reply.entry->ino == 0;
    if (reply.open != nullptr || (reply.entry != nullptr && !negative)) {
      return reply_granting(req, slot, reply);
    }
    if (req.row->opcode == Opcode::readdirplus) return reply_direntplus(req, slot, reply);
  }
  const Replay replay = req.row->replay;
  if (req.row->opcode == Opcode::lookup) return reply_stored(req, slot, reply);
  if (replay == Replay::repeat || replay == Replay::none) return reply_unstored(req, slot, reply);
  return reply_stored(req, slot, reply);
}

void ReconnectSeam::ran(fuse_req& req) {
  // Until it is answered for good, a held request is nobody else's.
  if (const int error = std::exchange(req.held_error, 0); error != 0) {
    if (!check_after(req, {.error = error})) answer(req, -error);
  }
  tell_forgets(*req.lane);
}

// Run again by a successor, so nothing of it has to be kept. It goes through the slot nevertheless:
// where the filesystem's memory is not present (mapped files, zero pages), the kernel would have to
// fault while it copies, cannot when this process is being killed, and ends the request with EIO.
int ReconnectSeam::reply_unstored(fuse_req& req, const Slot& slot, const Reply& reply) {
  const MessageOut message(req.unique(), reply);
  int result = -ENOMEM;
  if (message.ok()) {
    const std::span<std::byte> room =
        slot ? slot.reply_space(sizeof(wire::OutHeader) + message.payload_size())
             : std::span<std::byte>();
    if (room.empty()) {
      result = send_pieces(req, message.pieces(), message.count());
    } else {
      gather(message, room);
      const iovec piece{room.data(), room.size()};
      result = send_pieces(req, &piece, 1);
    }
  }
  end(req, slot);
  return result;
}

// The change that a successful reply means for the tables, in one transaction with the reply.
Result<void> ReconnectSeam::store_edges(fuse_req& req, const Slot& slot,
                                        const SlotPublish& publish, int error, bool* published) {
  NodeTable& nodes = state_->nodes();
  const NodeId parent = req.message->node();
  const auto& negotiated = req.session->negotiated;
  *published = true;
  switch (req.row->opcode) {
    case Opcode::lookup: {
      // Gone: it is not to be looked for under this name any more.
      const char* name = name_in<wire::Lookup>(req);
      const bool absent = error == 0 || error == -ENOENT;
      if (!absent || !nodes.find_edge(parent, name)) break;
      return nodes.remove_edge(slot, parent, name, publish);
    }
    case Opcode::unlink:
      if (error != 0) break;
      return nodes.remove_edge(slot, parent, name_in<wire::Unlink>(req), publish);
    case Opcode::rmdir:
      if (error != 0) break;
      return nodes.remove_edge(slot, parent, name_in<wire::Rmdir>(req), publish);
    case Opcode::rename:
    case Opcode::rename2: {
      const auto args = wire::decode<wire::Rename>(*req.message, negotiated);
      if (error != 0 || !args) break;
      if ((args->flags & RENAME_EXCHANGE) != 0) {
        return nodes.exchange_edges(slot, parent, args->name, args->new_parent, args->new_name,
                                    publish);
      }
      return nodes.move_edge(slot, parent, args->name, args->new_parent, args->new_name, publish);
    }
    case Opcode::release:
      if (const auto args = wire::decode<wire::Release>(*req.message, negotiated)) {
        (void)state_->handles().free(slot, args->handle, publish);
        return {};
      }
      break;
    case Opcode::releasedir:
      if (const auto args = wire::decode<wire::Releasedir>(*req.message, negotiated)) {
        (void)state_->handles().free(slot, args->handle, publish);
        return {};
      }
      break;
    default:
      break;
  }
  *published = false;
  return {};
}

int ReconnectSeam::reply_stored(fuse_req& req, const Slot& slot, const Reply& reply) {
  const uint32_t minor = req.session->negotiated.minor;
  Reply out = reply;
  std::byte grants[sizeof(wire::CreateOut)];
  iovec piece;
  if (reply.entry != nullptr) {  // a negative one: it grants nothing
    const wire::EntryOut entry = wire::make_entry(*reply.entry);
    piece = {grants, put_grants(grants, &entry, nullptr, minor)};
    out.pieces = &piece;
    out.piece_count = 1;
  }
  const MessageOut message(req.unique(), out);
  if (!message.ok()) return reply_unstored(req, slot, {.error = -ENOMEM});
  const size_t size = sizeof(wire::OutHeader) + message.payload_size();
  const std::span<std::byte> room = slot.reply_space(size);
  if (room.empty()) {
    // Larger than a slot (IOCTL): if the server dies now, it counts as not answered.
    return reply_unstored(req, slot, reply);
  }
  gather(message, room);
  if (req.row->opcode == Opcode::init && reply.error == 0) {
    (void)state_->save_init_reply(room.subspan(sizeof(wire::OutHeader)));
  }
  const uint32_t offset = slot.offset_of(room.data());
  bool published = false;
  const auto stored = store_edges(req, slot, SlotPublish::replied(offset, static_cast<uint32_t>(size)),
                                  reply.error, &published);
  if (!stored) log_error("fuse: %s changed names that cannot be kept: %s", req.row->name,
                         std::strerror(stored.error()));
  if (!published || !stored) {
    Slot mine = slot;
    mine.publish_reply(offset, static_cast<uint32_t>(size));
  }
  return send_stored(req, slot);
}

// The entry and the handle of a reply that lies in `room`, in one transaction with its being stored;
// 0 or an errno.
int ReconnectSeam::grant(fuse_req& req, const Slot& slot, const Reply& reply,
                         std::span<std::byte> room, uint32_t fopen_flags) {
  Txn txn(*state_, slot);
  NodeId node = req.message->node();
  if (reply.entry != nullptr) {
    const NewEdge edge = edge_of(req);
    const auto granted =
        state_->nodes().grant_in(txn, edge.parent, edge.name, reply.entry->ino,
                                 reply.entry->generation, identity_of(*reply.entry),
                                 edge.fresh ? Fresh::yes : Fresh::no);
    if (!granted) return granted.error();
    node = granted->id;
    const size_t at = sizeof(wire::OutHeader);
    *word_at(room, at + offsetof(wire::EntryOut, nodeid)) = granted->id.value;
    *word_at(room, at + offsetof(wire::EntryOut, generation)) = granted->generation;
  }
  if (reply.open != nullptr) {
    const bool directory = req.row->opcode == Opcode::opendir;
    const auto granted = state_->handles().grant_in(
        txn, node, reply.open->fh, open_flags_of(req), fopen_flags,
        directory ? HandleKind::directory : HandleKind::file);
    if (!granted) return granted.error();
    const size_t at = room.size() - sizeof(wire::OpenOut) + offsetof(wire::OpenOut, fh);
    *word_at(room, at) = granted->value;
  }
  txn.publish(SlotPublish::replied(slot.offset_of(room.data()), static_cast<uint32_t>(room.size())));
  return txn.commit().error();
}

int ReconnectSeam::reply_granting(fuse_req& req, const Slot& slot, const Reply& reply) {
  const uint32_t minor = req.session->negotiated.minor;
  wire::EntryOut entry{};
  wire::OpenOut open{};
  if (reply.entry != nullptr) entry = wire::make_entry(*reply.entry);
  if (reply.open != nullptr) open = wire::make_open(*reply.open);
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

int ReconnectSeam::send_stored(fuse_req& req, const Slot& slot) {
  const std::span<std::byte> bytes = slot.reply();
  const iovec piece{bytes.data(), bytes.size()};
  const int result = send_pieces(req, &piece, 1);
  // The kernel has it, or ended the request by itself; what it would not take it has dropped.
  if (result != 0 && result != -ENOENT && result != -ENODEV) {
    take_back_grants(slot, req.row->opcode, bytes);
  }
  Lane& lane = *req.lane;
  const bool later = req.runs_here();
  end(req, slot);
  if (!later) tell_forgets(lane);
  return result;
}

int ReconnectSeam::reply_direntplus(fuse_req& req, const Slot& slot, const Reply& reply) {
  size_t payload = 0;
  for (int i = 0; i < reply.piece_count; ++i) payload += reply.pieces[i].iov_len;
  const std::span<std::byte> room = slot.reply_space(sizeof(wire::OutHeader) + payload);
  if (room.empty()) return reply_unstored(req, slot, {.error = -EMSGSIZE});
  std::byte* at = room.data() + sizeof(wire::OutHeader);
  for (int i = 0; i < reply.piece_count; ++i) {
    std::memcpy(at, reply.pieces[i].iov_base, reply.pieces[i].iov_len);
    at += reply.pieces[i].iov_len;
  }
  Slot mine = slot;
  const uint32_t offset = slot.offset_of(room.data());
  mine.begin_counting(offset);
  const NodeId directory = req.message->node();
  const std::span<std::byte> entries = room.subspan(sizeof(wire::OutHeader));
  size_t kept = 0;
  bool full = false;
  for (wire::DirentplusWalker walker(entries); walker.valid(); walker.next()) {
    wire::EntryOut entry = walker.entry();
    if (full) {
      const bool dots = walker.name() == "." || walker.name() == "..";
      if (entry.nodeid != 0 && !dots) tell_forget(session_, *req.lane, entry.nodeid, 1);
      continue;
    }
    const Identity identity = identity_of(entry.attr);
    const uint64_t ino = entry.nodeid;
    const uint64_t generation = entry.generation;
    entry.attr.flags = 0;
    entry.nodeid = 0;
    walker.set_entry(entry);
    const size_t end_of_entry = walker.position() + walker.size();
    // The kernel counts no lookup for these two.
    if (ino == 0 || walker.name() == "." || walker.name() == "..") {
      kept = end_of_entry;
      continue;
    }
    SlotPublish publish = SlotPublish::counted(
        static_cast<uint32_t>(sizeof(wire::OutHeader) + end_of_entry));
    publish.node_id = word_at(entries, walker.position() + offsetof(wire::EntryOut, nodeid));
    publish.generation = word_at(entries, walker.position() + offsetof(wire::EntryOut, generation));
    const auto granted = state_->nodes().grant(slot, directory, walker.name(), ino, generation,
                                               identity, publish);
    if (granted) {
      kept = end_of_entry;
    } else {
      // As if the entries from here on had not fitted; the kernel asks for them again.
      full = true;
      tell_forget(session_, *req.lane, ino, 1);
    }
  }
  if (full && kept == 0) return reply_unstored(req, slot, {.error = -ENOMEM});
  const std::span<std::byte> message = room.first(sizeof(wire::OutHeader) + kept);
  put_header(message, req.unique(), 0);
  mine.publish_reply(offset, static_cast<uint32_t>(message.size()));
  return send_stored(req, slot);
}

void ReconnectSeam::note_direntplus(std::span<std::byte> room, const fuse_entry_param& entry) {
  wire::DirentplusWalker walker(room);
  if (!walker.valid()) return;
  wire::EntryOut out = walker.entry();
  out.attr.flags = fold_device(entry.attr.st_dev);
  walker.set_entry(out);
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
    (void)state_->handles().free(slot, HandleId{open->fh}, SlotPublish::none());
  }
  const auto entry = wire::reply_entry(opcode, reply, minor);
  if (entry && entry->nodeid != 0) {
    (void)state_->nodes().ungrant(slot, NodeId{entry->nodeid}, SlotPublish::none());
  }
}

// Nodes that went along with something else.
void ReconnectSeam::tell_forgets(Lane& lane) {
  while (const auto told = state_->nodes().next_fs_forget()) {
    tell_forget(session_, lane, told->fs_ino, told->count);
  }
}

}  // namespace fuse3::reconnect
