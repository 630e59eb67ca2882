// Every request about open files reaches its operation with what it says.
#include <gtest/gtest.h>
#include <sys/file.h>

#include "show.h"
#include "world.h"

namespace fuse3::test {
namespace {

using namespace std::string_view_literals;
using wire::Opcode;

constexpr uint64_t kNode = 0x1122334455667788;
constexpr uint64_t kOther = 0x8877665544332211;
constexpr uint64_t kHandle = 0xfedcba9876543210;
constexpr uint64_t kHandle2 = 0x0f1e2d3c4b5a6978;
constexpr uint64_t kOwner = 0xaabbccddeeff0011;
constexpr int64_t kOffset = 0x7000000000000001;

fuse_file_info file(int flags = 0, uint64_t owner = 0) {
  fuse_file_info info{};
  info.fh = kHandle;
  info.flags = flags;
  info.lock_owner = owner;
  return info;
}

class SessionFiles : public testing::Test {
 protected:
  std::string run(Opcode opcode, const Bytes& body = {}) {
    seen.clear();
    World world(handlers);
    EXPECT_EQ(0, world.init().error);
    answer = world.call(opcode, kNode, body);
    return seen;
  }
  template <class... Args>
  void saw(fuse_req_t req, const Args&... args) {
    seen = show(args...);
    EXPECT_EQ(0, fuse_reply_err(req, 0));
  }

  Handlers handlers;
  std::string seen;
  Answer answer;
};

TEST_F(SessionFiles, OpenAndOpendir) {
  handlers.open = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    saw(req, "open", ino, *info);
  };
  handlers.opendir = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    saw(req, "opendir", ino, *info);
  };
  fuse_file_info info{};
  info.flags = O_WRONLY | O_APPEND;
  EXPECT_EQ(show("open", kNode, info),
            run(Opcode::open, body(wire::OpenIn{O_WRONLY | O_APPEND, 0})));
  info.flags = O_DIRECTORY;
  EXPECT_EQ(show("opendir", kNode, info), run(Opcode::opendir, body(wire::OpenIn{O_DIRECTORY, 0})));
}

TEST_F(SessionFiles, Read) {
  handlers.read = [&](fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      fuse_file_info* info) { saw(req, ino, size, offset, *info); };
  wire::ReadIn in{kHandle, uint64_t{kOffset}, 4096, 0, kOwner, O_RDWR, 0};
  EXPECT_EQ(show(kNode, 4096, kOffset, file(O_RDWR)), run(Opcode::read, body(in)));
  in.read_flags = wire::read_flag::lockowner;
  EXPECT_EQ(show(kNode, 4096, kOffset, file(O_RDWR, kOwner)), run(Opcode::read, body(in)));
}

TEST_F(SessionFiles, Write) {
  handlers.write = [&](fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
                       fuse_file_info* info) {
    saw(req, ino, std::string(data, size), offset, *info);
  };
  wire::WriteIn in{kHandle, uint64_t{kOffset}, 5, 0, kOwner, O_RDWR, 0};
  EXPECT_EQ(show(kNode, "hello", kOffset, file(O_RDWR)), run(Opcode::write, body(in, "hello"sv)));
  in.write_flags = wire::write_flag::lockowner | wire::write_flag::cache;
  fuse_file_info cached = file(O_RDWR, kOwner);
  cached.writepage = 1;
  EXPECT_EQ(show(kNode, "hello", kOffset, cached), run(Opcode::write, body(in, "hello"sv)));
}

TEST_F(SessionFiles, WriteBufIsPreferred) {
  handlers.write = [&](fuse_req_t req, auto...) { saw(req, "wrong"); };
  handlers.write_buf = [&](fuse_req_t req, fuse_ino_t ino, fuse_bufvec* data, off_t offset,
                           fuse_file_info* info) {
    char text[100];
    fuse_bufvec to = FUSE_BUFVEC_INIT(sizeof text);
    to.buf[0].mem = text;
    const ssize_t size = fuse_buf_copy(&to, data, fuse_buf_copy_flags{});
    saw(req, ino, std::string(text, static_cast<size_t>(size)), offset, *info);
  };
  const wire::WriteIn in{kHandle, 8, 5, 0, 0, O_WRONLY, 0};
  EXPECT_EQ(show(kNode, "hello", 8, file(O_WRONLY)), run(Opcode::write, body(in, "hello"sv)));
}

TEST_F(SessionFiles, FlushAndRelease) {
  handlers.flush = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    saw(req, "flush", ino, *info);
  };
  handlers.release = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    saw(req, "release", ino, *info);
  };
  handlers.releasedir = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    saw(req, "releasedir", ino, *info);
  };
  fuse_file_info info = file(0, kOwner);
  info.flush = 1;
  EXPECT_EQ(show("flush", kNode, info),
            run(Opcode::flush, body(wire::FlushIn{kHandle, 0, 0, kOwner})));
  wire::ReleaseIn in{kHandle, O_RDWR, 0, kOwner};
  EXPECT_EQ(show("release", kNode, file(O_RDWR, kOwner)), run(Opcode::release, body(in)));
  in.release_flags = wire::release_flag::flush | wire::release_flag::flock_unlock;
  info = file(O_RDWR, kOwner);
  info.flush = 1;
  info.flock_release = 1;
  EXPECT_EQ(show("release", kNode, info), run(Opcode::release, body(in)));
  in.release_flags = 0;
  EXPECT_EQ(show("releasedir", kNode, file(O_RDWR, kOwner)), run(Opcode::releasedir, body(in)));
}

TEST_F(SessionFiles, FsyncAndFsyncdir) {
  handlers.fsync = [&](fuse_req_t req, fuse_ino_t ino, int datasync, fuse_file_info* info) {
    saw(req, "fsync", ino, datasync, *info);
  };
  handlers.fsyncdir = [&](fuse_req_t req, fuse_ino_t ino, int datasync, fuse_file_info* info) {
    saw(req, "fsyncdir", ino, datasync, *info);
  };
  EXPECT_EQ(show("fsync", kNode, 0, file()),
            run(Opcode::fsync, body(wire::FsyncIn{kHandle, 0, 0})));
  EXPECT_EQ(show("fsync", kNode, 1, file()),
            run(Opcode::fsync, body(wire::FsyncIn{kHandle, 1, 0})));
  EXPECT_EQ(show("fsyncdir", kNode, 1, file()),
            run(Opcode::fsyncdir, body(wire::FsyncIn{kHandle, 1, 0})));
}

TEST_F(SessionFiles, ReaddirAndReaddirplus) {
  handlers.readdir = [&](fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                         fuse_file_info* info) { saw(req, "readdir", ino, size, offset, *info); };
  handlers.readdirplus = [&](fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                             fuse_file_info* info) { saw(req, "plus", ino, size, offset, *info); };
  const wire::ReadIn in{kHandle, uint64_t{kOffset}, 8192, 0, 0, 0, 0};
  EXPECT_EQ(show("readdir", kNode, 8192, kOffset, file()), run(Opcode::readdir, body(in)));
  EXPECT_EQ(show("plus", kNode, 8192, kOffset, file()), run(Opcode::readdirplus, body(in)));
}

TEST_F(SessionFiles, PosixLocks) {
  handlers.getlk = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock) {
    saw(req, "getlk", ino, *info, *lock);
  };
  handlers.setlk = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, struct flock* lock,
                       int sleep) { saw(req, "setlk", ino, *info, *lock, sleep); };
  wire::LkIn in{kHandle, kOwner, {100, 199, F_WRLCK, 4321}, 0, 0};
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = 100;
  lock.l_len = 100;
  lock.l_pid = 4321;
  EXPECT_EQ(show("getlk", kNode, file(0, kOwner), lock), run(Opcode::getlk, body(in)));
  EXPECT_EQ(show("setlk", kNode, file(0, kOwner), lock, 0), run(Opcode::setlk, body(in)));
  EXPECT_EQ(show("setlk", kNode, file(0, kOwner), lock, 1), run(Opcode::setlkw, body(in)));
  in.lk.end = INT64_MAX;
  lock.l_len = 0;
  EXPECT_EQ(show("setlk", kNode, file(0, kOwner), lock, 0), run(Opcode::setlk, body(in)));
}

TEST_F(SessionFiles, WholeFileLocks) {
  handlers.flock = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info, int operation) {
    saw(req, ino, *info, operation);
  };
  handlers.setlk = [&](fuse_req_t req, auto...) { saw(req, "wrong"); };
  const auto lock = [&](Opcode opcode, uint32_t type) {
    return run(opcode, body(wire::LkIn{kHandle, kOwner, {0, INT64_MAX, type, 0}, 1, 0}));
  };
  EXPECT_EQ(show(kNode, file(0, kOwner), LOCK_SH | LOCK_NB), lock(Opcode::setlk, F_RDLCK));
  EXPECT_EQ(show(kNode, file(0, kOwner), LOCK_EX), lock(Opcode::setlkw, F_WRLCK));
  EXPECT_EQ(show(kNode, file(0, kOwner), LOCK_UN | LOCK_NB), lock(Opcode::setlk, F_UNLCK));
}

TEST_F(SessionFiles, FallocateLseekCopyFileRange) {
  handlers.fallocate = [&](fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                           fuse_file_info* info) { saw(req, ino, mode, offset, length, *info); };
  handlers.lseek = [&](fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
                       fuse_file_info* info) { saw(req, ino, offset, whence, *info); };
  handlers.copy_file_range = [&](fuse_req_t req, fuse_ino_t in, off_t off_in,
                                 fuse_file_info* info_in, fuse_ino_t out, off_t off_out,
                                 fuse_file_info* info_out, size_t size, int flags) {
    saw(req, in, off_in, info_in->fh, out, off_out, info_out->fh, size, flags);
  };
  EXPECT_EQ(show(kNode, 3, kOffset, 17, file()),
            run(Opcode::fallocate, body(wire::FallocateIn{kHandle, uint64_t{kOffset}, 17, 3, 0})));
  EXPECT_EQ(show(kNode, kOffset, SEEK_HOLE, file()),
            run(Opcode::lseek, body(wire::LseekIn{kHandle, uint64_t{kOffset}, SEEK_HOLE, 0})));
  const wire::CopyFileRangeIn copy{kHandle, 1, kOther, kHandle2, 2, uint64_t{1} << 33, 4};
  const std::string expected = show(kNode, 1, kHandle, kOther, 2, kHandle2, uint64_t{1} << 33, 4);
  EXPECT_EQ(expected, run(Opcode::copy_file_range, body(copy)));
  EXPECT_EQ(expected, run(Opcode::copy_file_range_64, body(copy)));
}

TEST_F(SessionFiles, Ioctl) {
  handlers.ioctl = [&](fuse_req_t req, fuse_ino_t ino, unsigned cmd, void* arg,
                       fuse_file_info* info, unsigned flags, const void* in, size_t in_size,
                       size_t out_size) {
    const std::string data =
        in != nullptr ? std::string(static_cast<const char*>(in), in_size) : std::string("null");
    saw(req, ino, cmd, reinterpret_cast<uintptr_t>(arg), *info, flags, data, out_size);
  };
  EXPECT_EQ(
      show(kNode, 0x80086601u, 0x7fff1234, file(), 0, "data", 64),
      run(Opcode::ioctl, body(wire::IoctlIn{kHandle, 0, 0x80086601, 0x7fff1234, 4, 64}, "data"sv)));
  EXPECT_EQ(show(kNode, 5, 6, file(), FUSE_IOCTL_DIR, "null", 0),
            run(Opcode::ioctl, body(wire::IoctlIn{kHandle, FUSE_IOCTL_DIR, 5, 6, 0, 0})));
}

TEST_F(SessionFiles, AnIoctlOnADirectoryCanBeDeclined) {
  handlers.init = [](fuse_conn_info& conn) { fuse_unset_feature_flag(&conn, FUSE_CAP_IOCTL_DIR); };
  handlers.ioctl = [&](fuse_req_t req, auto...) { saw(req, "called"); };
  EXPECT_EQ("", run(Opcode::ioctl, body(wire::IoctlIn{kHandle, FUSE_IOCTL_DIR, 5, 6, 0, 0})));
  EXPECT_EQ(-ENOTTY, answer.error);
  EXPECT_EQ("called", run(Opcode::ioctl, body(wire::IoctlIn{kHandle, 0, 5, 6, 0, 0})));
}

TEST_F(SessionFiles, Poll) {
  handlers.poll = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info,
                      fuse_pollhandle* handle) {
    saw(req, ino, *info, handle != nullptr ? "handle" : "none");
    if (handle != nullptr) fuse_pollhandle_destroy(handle);
  };
  fuse_file_info info = file();
  info.poll_events = 5;
  EXPECT_EQ(show(kNode, info, "none"), run(Opcode::poll, body(wire::PollIn{kHandle, 9, 0, 5})));
  EXPECT_EQ(show(kNode, info, "handle"), run(Opcode::poll, body(wire::PollIn{kHandle, 9, 1, 5})));
}

TEST_F(SessionFiles, APollOfAnOldKernelHasNoEvents) {
  std::string old;
  World world({.poll = [&](fuse_req_t req, fuse_ino_t, fuse_file_info* info, fuse_pollhandle*) {
    old = show(*info);
    fuse_reply_poll(req, 1);
  }});
  world.init(20, 0);
  world.call(Opcode::poll, kNode, body(wire::PollIn{kHandle, 9, 0, 5}));
  EXPECT_EQ(show(file()), old);
}

}  // namespace
}  // namespace fuse3::test
