// READDIRPLUS: the one reply that grants many lookups, which are counted one by one.
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/reply_bytes.h"
#include "session/direct_seam.h"

namespace fuse3::reconnect {
namespace {

Identity identity_of(const fuse_session& session, const wire::Attr& attr) {
  // note_direntplus() left the device in `flags`.
  const bool numbered = session.inode_numbers == InodeNumbers::filesystem;
  return {numbered ? attr.ino : 0, attr.flags, attr.mode & S_IFMT};
}

}  // namespace

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
  bool full = false;
  const size_t kept = grant_entries(req, slot, room.subspan(sizeof(wire::OutHeader)), &full);
  if (full && kept == 0) return reply_unstored(req, slot, {.error = -ENOMEM});
  const std::span<std::byte> message = room.first(sizeof(wire::OutHeader) + kept);
  put_header(message, req.unique(), 0);
  note_listing(req, slot, message.subspan(sizeof(wire::OutHeader)));
  mine.publish_reply(offset, static_cast<uint32_t>(message.size()));
  return send_stored(req, slot);
}

// How many bytes of the entries the reply keeps. `full`: from there on it is as if they had not
// fitted, and the kernel asks for them again.
size_t ReconnectSeam::grant_entries(fuse_req& req, const Slot& slot, std::span<std::byte> entries,
                                    bool* full) {
  size_t kept = 0;
  for (wire::DirentplusWalker walker(entries); walker.valid(); walker.next()) {
    wire::EntryOut entry = walker.entry();
    // The kernel counts no lookup for "." and "..".
    const bool counts = entry.nodeid != 0 && walker.name() != "." && walker.name() != "..";
    const uint64_t ino = entry.nodeid;
    if (!*full) {
      const Identity identity = identity_of(session_, entry.attr);
      const uint64_t generation = generation_in(session_, entry.generation);
      entry.attr.flags = 0;
      entry.nodeid = 0;
      walker.set_entry(entry);
      const size_t end = walker.position() + walker.size();
      auto publish = SlotPublish::counted(static_cast<uint32_t>(sizeof(wire::OutHeader) + end));
      publish.node_id = word_at(entries, walker.position() + offsetof(wire::EntryOut, nodeid));
      publish.generation =
          word_at(entries, walker.position() + offsetof(wire::EntryOut, generation));
      if (!counts) {
        kept = end;
        continue;
      }
      if (const auto granted = state_->nodes().grant(slot, req.message->node(), walker.name(), ino,
                                                     generation, identity, publish)) {
        if (session_.inode_numbers == InodeNumbers::node_ids) walker.set_number(granted->id.value);
        kept = end;
        continue;
      }
      *full = true;
    }
    if (counts) tell_forget(session_, *req.lane, ino, 1);
  }
  return kept;
}

void ReconnectSeam::note_direntplus(std::span<std::byte> room, const fuse_entry_param& entry) {
  wire::DirentplusWalker walker(room);
  if (!walker.valid()) return;
  wire::EntryOut out = walker.entry();
  out.attr.flags = fold_device(entry.attr.st_dev);
  walker.set_entry(out);
}

}  // namespace fuse3::reconnect
