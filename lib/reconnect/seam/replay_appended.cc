// Replay of appends: the size now tells how much of one was written.
#include <fcntl.h>

#include <cstring>

#include "reconnect/seam/arguments.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/notes.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/log.h"
#include "wire/reply.h"

namespace fuse3::reconnect {

using wire::Opcode;

// The size now against the size before the first run. The offset in the request, where the kernel
// expected the end, would not do: somebody may have appended below the mount, or by another name of
// the file, and the kernel not know.
bool ReconnectSeam::check_appended(fuse_req& req) {
  if (!holds(Guard::append_size) || !appends(req, state_->handles())) return false;
  if (session_.ops.getattr == nullptr) return false;
  const auto args = args_of<wire::Write>(req);
  const Slot slot = slot_of(req);
  // An older library did not ask.
  const bool noted = before_first_run(slot) == Before::present;
  const uint64_t before = noted ? slot.note(kSizeNote) : args.offset;
  ask_attributes(
      req, req.message->node(), args.handle,
      [this, &req, args, before](int error, const wire::Attr& attr) {
        if (error != 0) return answer(req, error);
        if (attr.size <= before) {
          req.cleared = true;
          return run_again(req);
        }
        const uint64_t done = attr.size - before;
        if (done > args.size) {
          log_error(
              "fuse: whether an append of %u bytes to a file of %llu was done before the "
              "server died cannot be told, the file has %llu: EIO",
              args.size, static_cast<unsigned long long>(before),
              static_cast<unsigned long long>(attr.size));
          return answer(req, EIO);
        }
        write_rest(req, static_cast<size_t>(done));
      });
  return true;
}

// `done` bytes of the append are there already.
void ReconnectSeam::write_rest(fuse_req& req, size_t done) {
  const auto args = args_of<wire::Write>(req);
  const auto finish = [this, &req, done](size_t more) {
    const wire::WriteOut out = wire::make_write(static_cast<uint32_t>(done + more));
    const iovec piece{const_cast<wire::WriteOut*>(&out), sizeof out};
    req.rerun = false;
    reply(req, {.pieces = &piece, .piece_count = 1});
  };
  if (done == args.data.size()) return finish(0);
  const auto node = state_->nodes().find(req.message->node());
  const auto handle = state_->handles().find(args.handle);
  if (!node) return answer(req, ESTALE);
  const uint64_t ino = state_->nodes().fs_ino(node->index);
  fuse_file_info info{};
  if (handle) info.fh = state_->handles().fs_fh(handle->index);
  info.flags = static_cast<int32_t>(args.flags);
  const auto rest = args.data.subspan(done);
  const auto offset = static_cast<off_t>(args.offset + done);
  ask(
      session_, *req.lane, Opcode::write,
      [this, ino, info, rest, offset](fuse_req& question) {
        fuse_file_info copy = info;
        if (session_.ops.write_buf != nullptr) {
          fuse_bufvec data = FUSE_BUFVEC_INIT(rest.size());
          data.buf[0].mem = const_cast<std::byte*>(rest.data());
          return session_.ops.write_buf(&question, ino, &data, offset, &copy);
        }
        session_.ops.write(&question, ino, reinterpret_cast<const char*>(rest.data()), rest.size(),
                           offset, &copy);
      },
      [this, &req, finish](const Answer& written) {
        wire::WriteOut out{};
        if (written.error != 0 || written.bytes.size() < sizeof out) {
          return answer(req, written.error != 0 ? written.error : EIO);
        }
        std::memcpy(&out, written.bytes.data(), sizeof out);
        finish(out.size);
      });
}

}  // namespace fuse3::reconnect
