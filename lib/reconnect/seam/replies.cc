// Replies: stored in the request's slot where a successor could not make them again, then sent.
#include <cstdio>
#include <cstring>
#include <utility>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "session/direct_seam.h"
#include "session/message_out.h"
#include "support/log.h"
#include "wire/reply.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

void gather(const MessageOut& message, std::span<std::byte> room) {
  size_t at = 0;
  for (int i = 0; i < message.count(); ++i) {
    std::memcpy(room.data() + at, message.pieces()[i].iov_base, message.pieces()[i].iov_len);
    at += message.pieces()[i].iov_len;
  }
}

}  // namespace

int ReconnectSeam::reply(fuse_req& req, const Reply& reply) {
  const bool hid = hid_for_rename(req);
  if ((hid || (req.rerun && reply.error != 0)) && req.runs_here()) {
    req.held_reply = reply.error;
    return 0;
  }
  if (req.rerun && check_after(req, reply)) return 0;
  if (hid) {
    end_rename(req, reply.error);
    return 0;
  }
  end_hiding(req);
  const Slot slot = slot_of(req);
  // A FORGET, for which the kernel takes no reply; it is told of the mistake as without reconnect.
  if (!slot) return reply_unstored(req, slot, reply);
  if (reply.error == 0) {
    const bool negative = reply.entry != nullptr && reply.entry->ino == 0;
    if (reply.open != nullptr || (reply.entry != nullptr && !negative)) {
      return reply_granting(req, slot, reply);
    }
    if (req.row->opcode == Opcode::readdirplus) return reply_direntplus(req, slot, reply);
    if (req.row->opcode == Opcode::readdir) return reply_dirents(req, slot, reply);
  }
  const Replay replay = req.row->replay;
  if (req.row->opcode == Opcode::lookup) return reply_stored(req, slot, reply);
  if (holds(Guard::one_way_stored) && reads_one_way(req)) return reply_stored(req, slot, reply);
  if (replay == Replay::repeat || replay == Replay::none) return reply_unstored(req, slot, reply);
  return reply_stored(req, slot, reply);
}

// What it has read cannot be read again.
bool ReconnectSeam::reads_one_way(const fuse_req& req) {
  return req.row->opcode == Opcode::read &&
         one_way(state_->handles(), args_of<wire::Read>(req).handle);
}

void ReconnectSeam::ran(fuse_req& req) {
  Lane& lane = *req.lane;
  // Until it is answered for good, a held request is nobody else's.
  while (const auto error = std::exchange(req.held_reply, std::nullopt)) {
    if (req.rerun && check_after(req, {.error = *error})) continue;
    if (hid_for_rename(req)) {
      end_rename(req, *error);
    } else {
      answer(req, -*error);
    }
    break;
  }
  tell_forgets(lane);
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
Result<void> ReconnectSeam::store_edges(fuse_req& req, const Slot& slot, const SlotPublish& publish,
                                        int error, bool* published) {
  NodeTable& nodes = state_->nodes();
  const NodeId parent = req.message->node();
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
      if (error != 0) break;
      const auto args = args_of<wire::Rename>(req);
      if ((args.flags & RENAME_EXCHANGE) != 0) {
        return nodes.exchange_edges(slot, parent, args.name, args.new_parent, args.new_name,
                                    publish);
      }
      return nodes.move_edge(slot, parent, args.name, args.new_parent, args.new_name, publish);
    }
    case Opcode::setlk:
    case Opcode::setlkw:
      if (error != 0 || !state_->locks().enabled()) break;
      if (!holds(Guard::lock_stored)) break;
      return store_lock(req, slot, publish);
    case Opcode::flush:
      // Whatever the filesystem says: the file is closed.
      if (state_->locks().count() == 0 || !holds(Guard::lock_gone_by_flush)) break;
      return state_->locks().drop_owner(slot, parent, args_of<wire::Flush>(req).lock_owner,
                                        publish);
    case Opcode::release:
      if (holds(Guard::lock_gone_by_close)) {
        (void)state_->locks().drop_handle(slot, parent, args_of<wire::Release>(req).handle);
      }
      free_handle(slot, args_of<wire::Release>(req).handle, publish);
      closed(req);
      return {};
    case Opcode::releasedir:
      if (successor_) (void)take_resumed(args_of<wire::Releasedir>(req).handle);
      (void)state_->handles().free(slot, args_of<wire::Releasedir>(req).handle, publish);
      return {};
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
  const auto stored =
      store_edges(req, slot, SlotPublish::replied(offset, static_cast<uint32_t>(size)), reply.error,
                  &published);
  if (!stored)
    log_error("fuse: what %s changed cannot be kept: %s", req.row->name,
              std::strerror(stored.error()));
  if (!published || !stored) {
    Slot mine = slot;
    mine.publish_reply(offset, static_cast<uint32_t>(size));
  }
  return send_stored(req, slot);
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

// Nodes that went along with something else.
void ReconnectSeam::tell_forgets(Lane& lane) {
  while (const auto told = state_->nodes().next_fs_forget()) {
    tell_forget(session_, lane, told->fs_ino, told->count);
  }
}

}  // namespace fuse3::reconnect
