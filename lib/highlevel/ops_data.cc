// Operations on the contents of open files.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "highlevel/call.h"
#include "highlevel/dir_handle.h"
#include "highlevel/ops.h"

namespace fuse3::hl {
namespace {

// Memory that the filesystem reads into: the request's own as far as it goes.
class ReadMemory {
 public:
  ReadMemory(const fuse_req& req, size_t size) {
    if (req.seam == req.session->seam.get() && !req.seam->outlives_server() &&
        size <= req.scratch.size()) {
      memory_ = reinterpret_cast<char*>(req.scratch.data());
      return;
    }
    own_.reset(static_cast<char*>(std::malloc(size)));
    memory_ = own_.get();
  }
  char* get() const { return memory_; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> own_;
  char* memory_;
};

void read_into_memory(Call& call, HandlePath& path, size_t size, off_t offset,
                      fuse_file_info* info) {
  const ReadMemory memory(call.req, size);
  int result = memory.get() != nullptr ? path.error() : -ENOMEM;
  if (result == 0) {
    result = layer::read(call.fs, path.path(), memory.get(), size, offset, info);
  }
  path.release();
  if (result < 0) return finish(call, result);
  reply_bytes(call.req, memory.get(), std::min(static_cast<size_t>(result), size));
}

void free_data(fuse_bufvec* data) {
  if (data == nullptr) return;
  for (size_t i = 0; i < data->count; ++i) {
    if ((data->buf[i].flags & FUSE_BUF_IS_FD) == 0) std::free(data->buf[i].mem);
  }
  std::free(data);
}

// `act(path)` on an open file, answered with its result.
template <class Act>
int act_on_file(Call& call, fuse_ino_t ino, fuse_file_info* info, Act act) {
  HandlePath path(call, ino, info);
  return path.error() != 0 ? path.error() : act(path.path());
}

}  // namespace

void read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info) {
  Call call(req);
  HandlePath path(call, ino, info);
  if (call.fs.ops.read_buf == nullptr) return read_into_memory(call, path, size, offset, info);
  fuse_bufvec* data = nullptr;
  int result = path.error();
  if (result == 0) result = layer::read_buf(call.fs, path.path(), &data, size, offset, info);
  // Before the data is fetched: a splice may take long, and needs the path no more.
  path.release();
  if (result == 0) {
    call.req.seam->reply_data(call.req, *data, FUSE_BUF_SPLICE_MOVE);
  } else {
    finish(call, result);
  }
  free_data(data);
}

void write_buf(fuse_req_t req, fuse_ino_t ino, fuse_bufvec* data, off_t offset,
               fuse_file_info* info) {
  Call call(req);
  const int result = act_on_file(call, ino, info, [&](const char* path) {
    return layer::write_buf(call.fs, path, *data, offset, info);
  });
  if (result < 0) return finish(call, result);
  reply_write(call.req, static_cast<size_t>(result));
}

void write(fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
           fuse_file_info* info) {
  Call call(req);
  const int result = act_on_file(call, ino, info, [&](const char* path) {
    return layer::write(call.fs, path, data, size, offset, info);
  });
  if (result < 0) return finish(call, result);
  reply_write(call.req, static_cast<size_t>(result));
}

void fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
               fuse_file_info* info) {
  Call call(req);
  finish(call, act_on_file(call, ino, info, [&](const char* path) {
           return layer::fallocate(call.fs, path, mode, offset, length, info);
         }));
}

void lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, fuse_file_info* info) {
  Call call(req);
  off_t result = 0;
  const int error = act_on_file(call, ino, info, [&](const char* path) {
    result = layer::lseek(call.fs, path, offset, whence, info);
    return 0;
  });
  if (error != 0 || result < 0) return finish(call, error != 0 ? error : static_cast<int>(result));
  reply_lseek(call.req, result);
}

void copy_file_range(fuse_req_t req, fuse_ino_t in, off_t offset_in, fuse_file_info* info_in,
                     fuse_ino_t out, off_t offset_out, fuse_file_info* info_out, size_t size,
                     int flags) {
  Call call(req);
  ssize_t result = 0;
  {
    PathHold paths(call.tree);
    const char* from = nullptr;
    const char* to = nullptr;
    if (call.config.nullpath_ok == 0) {
      result = paths.take_two(in, out, {});
      if (result == 0) {
        from = paths.path(0);
        to = paths.path(1);
      }
    }
    if (result == 0) {
      result = layer::copy_file_range(call.fs, from, info_in, offset_in, to, info_out, offset_out,
                                      size, flags);
    }
  }
  if (result < 0) return finish(call, static_cast<int>(result));
  reply_write(call.req, static_cast<size_t>(result));
}

void bmap(fuse_req_t req, fuse_ino_t ino, size_t block_size, uint64_t index) {
  Call call(req);
  PathHold path(call.tree);
  int error = path.take(ino);
  if (error == 0) error = layer::bmap(call.fs, path.path(), block_size, &index);
  path.release();
  if (error != 0) return finish(call, error);
  reply_bmap(call.req, index);
}

// The kernel has copied the argument as far as its size is part of the command's number.
void ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void* argument, fuse_file_info* info,
           unsigned flags, const void* in, size_t in_size, size_t out_size) {
  Call call(req);
  if ((flags & FUSE_IOCTL_UNRESTRICTED) != 0) return finish(call, -EPERM);
  fuse_file_info of_directory{};
  if ((flags & FUSE_IOCTL_DIR) != 0) {
    of_directory = DirHandle::of(*info).info(*info);
    info = &of_directory;
  }
  const size_t room = std::max(in_size, out_size);
  std::unique_ptr<char[]> data(room > 0 ? new (std::nothrow) char[room]() : nullptr);
  if (room > 0 && data == nullptr) return finish(call, -ENOMEM);
  if (in_size > 0) std::memcpy(data.get(), in, in_size);
  const int result = act_on_file(call, ino, info, [&](const char* path) {
    return layer::ioctl(call.fs, path, command, argument, info, flags, data.get());
  });
  if (result < 0) return finish(call, result);
  const iovec out{data.get(), out_size};
  reply_ioctl(call.req, result, &out, out_size > 0 ? 1 : 0);
}

void poll(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, fuse_pollhandle* handle) {
  Call call(req);
  unsigned events = 0;
  const int error = act_on_file(call, ino, info, [&](const char* path) {
    return layer::poll(call.fs, path, info, handle, &events);
  });
  if (error != 0) return finish(call, error);
  reply_poll(call.req, events);
}

}  // namespace fuse3::hl
