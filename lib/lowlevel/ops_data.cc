// Operations on the contents of files.
#include <cstring>

#include "lowlevel/operation.h"
#include "lowlevel/poll_handle.h"
#include "lowlevel/rows.h"
#include "options/feature_flags.h"
#include "support/newer_fields.h"

namespace fuse3 {
namespace {

using wire::Opcode;

const fuse_lowlevel_ops& ops(const fuse_req& req) { return req.session->ops; }

void read(fuse_req& req, const wire::Read& args) {
  if (ops(req).read == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle, args.flags);
  if ((args.read_flags & wire::read_flag::lockowner) != 0) info.lock_owner = args.lock_owner;
  ops(req).read(&req, req.ino, args.size, static_cast<off_t>(args.offset), &info);
}

fuse_bufvec data_of(const fuse_req& req, const wire::Write& args) {
  fuse_bufvec data = FUSE_BUFVEC_INIT(args.size);
  if (req.data_pipe >= 0 && req.message->outside() > 0) {
    data.buf[0].flags = FUSE_BUF_IS_FD;
    data.buf[0].fd = req.data_pipe;
  } else {
    data.buf[0].mem = const_cast<std::byte*>(args.data.data());
    FUSE3_SET_FIELD(data.buf[0], mem_size, args.data.size());
  }
  return data;
}

void write(fuse_req& req, const wire::Write& args) {
  fuse_file_info info = file_info(args.handle, args.flags);
  info.writepage = (args.write_flags & wire::write_flag::cache) != 0;
  if ((args.write_flags & wire::write_flag::lockowner) != 0) info.lock_owner = args.lock_owner;
  const auto offset = static_cast<off_t>(args.offset);
  if (ops(req).write_buf != nullptr) {
    fuse_bufvec data = data_of(req, args);
    return ops(req).write_buf(&req, req.ino, &data, offset, &info);
  }
  if (ops(req).write == nullptr) return void(reply_error(req, ENOSYS));
  ops(req).write(&req, req.ino, reinterpret_cast<const char*>(args.data.data()), args.data.size(),
                 offset, &info);
}

void fallocate(fuse_req& req, const wire::Fallocate& args) {
  if (ops(req).fallocate == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  ops(req).fallocate(&req, req.ino, static_cast<int>(args.mode), static_cast<off_t>(args.offset),
                     static_cast<off_t>(args.length), &info);
}

void lseek(fuse_req& req, const wire::Lseek& args) {
  if (ops(req).lseek == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  ops(req).lseek(&req, req.ino, static_cast<off_t>(args.offset), static_cast<int>(args.whence),
                 &info);
}

void copy_file_range(fuse_req& req, const wire::CopyFileRange& args) {
  if (ops(req).copy_file_range == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info in = file_info(args.handle_in);
  fuse_file_info out = file_info(args.handle_out);
  ops(req).copy_file_range(&req, req.ino, static_cast<off_t>(args.off_in), &in,
                           args.node_out.value, static_cast<off_t>(args.off_out), &out,
                           static_cast<size_t>(args.len), static_cast<int>(args.flags));
}

void ioctl(fuse_req& req, const wire::Ioctl& args) {
  const bool on_directory = (args.flags & wire::ioctl_flag::dir) != 0;
  if (on_directory && !wants(req.session->connection, FUSE_CAP_IOCTL_DIR)) {
    return void(reply_error(req, ENOTTY));
  }
  if (ops(req).ioctl == nullptr) return void(reply_error(req, ENOSYS));
  req.ioctl_64bit = sizeof(void*) == 8 && (args.flags & wire::ioctl_flag::is_32bit) == 0;
  fuse_file_info info = file_info(args.handle);
  void* argument = reinterpret_cast<void*>(static_cast<uintptr_t>(args.arg));
  const void* in = args.data.empty() ? nullptr : args.data.data();
  ops(req).ioctl(&req, req.ino, args.cmd, argument, &info, args.flags, in, args.data.size(),
                 args.out_size);
}

void poll(fuse_req& req, const wire::Poll& args) {
  if (ops(req).poll == nullptr) return void(reply_error(req, ENOSYS));
  fuse_file_info info = file_info(args.handle);
  info.poll_events = args.events;
  fuse_pollhandle* handle = nullptr;
  if ((args.flags & wire::poll_flag::schedule_notify) != 0) {
    handle = new (std::nothrow) fuse_pollhandle{args.kernel_handle, req.session};
    if (handle == nullptr) return void(reply_error(req, ENOMEM));
  }
  ops(req).poll(&req, req.ino, &info, handle);
}

constexpr Row kRows[] = {
    {Opcode::read, "READ", operation<wire::Read, read>, Replay::repeat},
    {Opcode::write, "WRITE", operation<wire::Write, write>, Replay::appended},
    {Opcode::fallocate, "FALLOCATE", operation<wire::Fallocate, fallocate>, Replay::placed},
    {Opcode::lseek, "LSEEK", operation<wire::Lseek, lseek>, Replay::repeat},
    {Opcode::copy_file_range, "COPY_FILE_RANGE",
     operation<wire::CopyFileRange, copy_file_range>, Replay::redo},
    {Opcode::copy_file_range_64, "COPY_FILE_RANGE_64",
     operation<wire::CopyFileRange, copy_file_range>, Replay::redo},
    {Opcode::ioctl, "IOCTL", operation<wire::Ioctl, ioctl>, Replay::control},
    {Opcode::poll, "POLL", operation<wire::Poll, poll>, Replay::repeat},
};

}  // namespace

std::span<const Row> data_rows() { return kRows; }

}  // namespace fuse3
