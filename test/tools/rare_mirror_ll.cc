// passthrough_ll with the operations that mirrors have no use for, so that crashes can meet them:
// ioctl, poll, bmap and syncfs. It says so when it is destroyed. The linker puts this in the way of
// AddLockOperations() (--wrap).
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "../../example/passthrough/filesystem.h"
#include "rare_mirror.h"

namespace {

constexpr uint64_t kFirstBlock = 100;

void Ioctl(fuse_req_t req, fuse_ino_t, unsigned command, void*, fuse_file_info* file, unsigned,
           const void*, size_t, size_t) {
  int32_t number = 0;
  const int fd = HandleOf(file);
  if (pread(fd, &number, sizeof number, 0) != sizeof number) {
    fuse_reply_err(req, EINVAL);
  } else if (command == COUNTER_GET) {
    fuse_reply_ioctl(req, 0, &number, sizeof number);
  } else if (command == COUNTER_ADD) {
    ++number;
    const bool written = pwrite(fd, &number, sizeof number, 0) == sizeof number;
    if (written) {
      fuse_reply_ioctl(req, 0, nullptr, 0);
    } else {
      fuse_reply_err(req, EIO);
    }
  } else {
    fuse_reply_err(req, ENOTTY);
  }
}

void Poll(fuse_req_t req, fuse_ino_t, fuse_file_info* file, fuse_pollhandle* handle) {
  struct stat attributes {};
  if (handle != nullptr) {
    fuse_pollhandle_destroy(handle);
  }
  fstat(HandleOf(file), &attributes);
  fuse_reply_poll(req, attributes.st_size > 0 ? POLLIN : 0);
}

void Bmap(fuse_req_t req, fuse_ino_t, size_t, uint64_t block) {
  fuse_reply_bmap(req, block + kFirstBlock);
}

void SyncFs(fuse_req_t req, fuse_ino_t) {
  const FdPath root(Filesystem::Of(req).root.path.Get());
  const Fd opened(open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  fuse_reply_err(req, ErrorOf(opened.IsOpen() ? syncfs(opened.Get()) : -1));
}

void Destroy(void*) {
  fputs("destroyed\n", stderr);
}

}  // namespace

void RealAddLockOperations(fuse_lowlevel_ops* ops) __asm__(
    "__real__Z17AddLockOperationsP17fuse_lowlevel_ops");
void WithRareOperations(fuse_lowlevel_ops* ops) __asm__(
    "__wrap__Z17AddLockOperationsP17fuse_lowlevel_ops");

void WithRareOperations(fuse_lowlevel_ops* ops) {
  RealAddLockOperations(ops);
  ops->destroy = Destroy;
  ops->ioctl = Ioctl;
  ops->poll = Poll;
  ops->bmap = Bmap;
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
  ops->syncfs = SyncFs;
#endif
}
