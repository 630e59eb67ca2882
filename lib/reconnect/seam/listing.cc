// READDIR and READDIRPLUS: what they deliver is noted with the handle before the kernel gets it, so
// that a successor can go on at every offset it may be asked for.
#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/listing.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/reply_bytes.h"

namespace fuse3::reconnect {

// Stored: were it made again, by a successor whose filesystem has another order, while the kernel
// has the first one already, the notes would be of a reply that nobody got.
int ReconnectSeam::reply_dirents(fuse_req& req, const Slot& slot, const Reply& reply) {
  size_t payload = 0;
  for (int i = 0; i < reply.piece_count; ++i) payload += reply.pieces[i].iov_len;
  const std::span<std::byte> room = slot.reply_space(sizeof(wire::OutHeader) + payload);
  if (room.empty()) return reply_unstored(req, slot, reply);
  std::byte* at = room.data() + sizeof(wire::OutHeader);
  for (int i = 0; i < reply.piece_count; ++i) {
    if (reply.pieces[i].iov_len == 0) continue;
    std::memcpy(at, reply.pieces[i].iov_base, reply.pieces[i].iov_len);
    at += reply.pieces[i].iov_len;
  }
  put_header(room, req.unique(), 0);
  note_listing(req, slot, room.subspan(sizeof(wire::OutHeader)));
  Slot mine = slot;
  mine.publish_reply(slot.offset_of(room.data()), static_cast<uint32_t>(room.size()));
  return send_stored(req, slot);
}

void ReconnectSeam::note_listing(fuse_req& req, const Slot& slot, std::span<std::byte> entries) {
  StreamTable& streams = state_->streams();
  const bool plus = req.row->opcode == wire::Opcode::readdirplus;
  const wire::ReadArgs args = plus ? wire::ReadArgs(args_of<wire::Readdirplus>(req))
                                   : wire::ReadArgs(args_of<wire::Readdir>(req));
  // Without a handle (the kernel opens directories without asking) there is nowhere to note it.
  const auto handle = state_->handles().find(args.handle);
  if (!handle || entries.empty() || !holds(Guard::stream_noted)) return;
  // Not where the stream was before: what it has delivered up to there is not known.
  std::optional<uint32_t> position = streams.position(handle->index, args.offset);
  if (!position) return;
  constexpr size_t kBatch = 128;
  StreamEntry batch[kBatch];
  size_t filled = 0;
  const auto flush = [&] {
    if (position) position = streams.put(slot, args.handle, *position, {batch, filled});
    filled = 0;
  };
  for_each_listed(plus, entries, [&](const auto& entry) {
    if (filled == kBatch) flush();
    batch[filled++] = {entry.dirent().off, streams.hash(entry.name())};
  });
  flush();
}

}  // namespace fuse3::reconnect
