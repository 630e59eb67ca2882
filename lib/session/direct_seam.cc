#include "session/direct_seam.h"

#include <sys/mman.h>

#include <climits>
#include <cstring>
#include <memory>
#include <new>

#include "session/message_out.h"
#include "session/session.h"
#include "support/log.h"

namespace fuse3 {
namespace {

// Behind the message the buffer serves as scratch memory, from the next page on (O_DIRECT reads may
// go there); with this a reply as large as the largest request fits.
constexpr size_t kScratch = 4096;

// More pieces than one system call takes, as one.
bool join(const iovec* pieces, int count, std::unique_ptr<std::byte[]>* memory, iovec* one) {
  size_t size = 0;
  for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
  memory->reset(new (std::nothrow) std::byte[size]);
  if (*memory == nullptr) return false;
  std::byte* to = memory->get();
  for (int i = 0; i < count; ++i) {
    if (pieces[i].iov_len > 0) std::memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
    to += pieces[i].iov_len;
  }
  *one = {memory->get(), size};
  return true;
}

}  // namespace

size_t put_grants(std::span<std::byte> room, const wire::EntryOut* entry, const wire::OpenOut* open,
                  uint32_t minor) {
  if (entry != nullptr && open != nullptr) return wire::put_create(room, *entry, *open, minor);
  if (entry != nullptr) {
    const size_t size = wire::entry_out_size(minor);
    std::memcpy(room.data(), entry, size);
    return size;
  }
  std::memcpy(room.data(), open, sizeof *open);
  return sizeof *open;
}

int send_pieces(fuse_req& req, const iovec* pieces, int count) {
  std::unique_ptr<std::byte[]> joined;
  iovec one;
  if (count > IOV_MAX) {
    if (!join(pieces, count, &joined, &one)) return -ENOMEM;
    pieces = &one;
    count = 1;
  }
  const auto sent = req.session->transport->send(req.device, pieces, count);
  if (sent) return 0;
  // ENOENT: interrupted or aborted meanwhile, nobody waits for it any more.
  if (sent.error() != ENOENT && sent.error() != ENODEV && !req.session->exited()) {
    log_error("fuse: the reply to %s was refused: %s", req.row->name, std::strerror(sent.error()));
  }
  return -sent.error();
}

Result<Place> DirectSeam::place(const Place& previous, size_t) {
  if (previous.memory != nullptr) return Place{.memory = previous.memory, .size = previous.size};
  const size_t size = session_.sizes.receive + kScratch;
  void* memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return last_error();
  return Place{.memory = static_cast<std::byte*>(memory), .size = size};
}

void DirectSeam::give_back(const Place& place) {
  if (place.memory != nullptr) ::munmap(place.memory, place.size);
}

int DirectSeam::reply(fuse_req& req, const Reply& reply) {
  const uint32_t minor = req.session->negotiated.minor;
  Reply out = reply;
  std::byte grants[sizeof(wire::CreateOut)];
  iovec grant_piece;
  if (reply.entry != nullptr || reply.open != nullptr) {
    wire::EntryOut entry;
    wire::OpenOut open;
    if (reply.entry != nullptr) entry = wire::make_entry(*reply.entry);
    if (reply.open != nullptr) open = wire::make_open(*reply.open);
    const size_t size = put_grants(grants, reply.entry != nullptr ? &entry : nullptr,
                                   reply.open != nullptr ? &open : nullptr, minor);
    grant_piece = {grants, size};
    out.pieces = &grant_piece;
    out.piece_count = 1;
  }
  const MessageOut message(req.unique(), out);
  const int result = message.ok() ? send_pieces(req, message.pieces(), message.count()) : -ENOMEM;
  req.lane->answered(req);
  return result;
}

int DirectSeam::reply_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) {
  const int result = send_data(req, data, flags);
  req.lane->answered(req);
  return result;
}

void DirectSeam::no_reply(fuse_req& req) { req.lane->answered(req); }

void DirectSeam::forget(fuse_req& req, std::span<fuse_forget_data> items, bool batch) {
  pass_forgets(req, items, batch);
}

void pass_forgets(fuse_req& req, std::span<fuse_forget_data> items, bool batch) {
  const fuse_lowlevel_ops& ops = req.session->ops;
  if (batch && ops.forget_multi != nullptr && !items.empty()) {
    ops.forget_multi(&req, items.size(), items.data());
    return;
  }
  if (ops.forget != nullptr) {
    for (const fuse_forget_data& item : items) {
      fuse_req* one = req.lane->open(*req.message);
      if (one == nullptr) continue;
      one->session = req.session;
      one->seam = req.seam;
      one->row = req.row;
      one->context = req.context;
      one->device = req.device;
      one->ino = item.ino;
      ops.forget(one, item.ino, item.nlookup);
      one->lane->returned(*one);
    }
  }
  req.seam->no_reply(req);
}

}  // namespace fuse3
