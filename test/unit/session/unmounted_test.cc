// A session whose filesystem was unmounted while a request was unanswered.
#include <sys/mman.h>

#include <thread>

#include "../mount/raw_server.h"
#include "fuse_lowlevel.h"
#include "world.h"

namespace fuse3::test {
namespace {

class Unmounted : public FuseTest {};

TEST_F(Unmounted, ALateReplyReachesNoOtherFile) {
  Watchdog watchdog;
  fuse_req_t held = nullptr;
  fuse_lowlevel_ops ops{};
  ops.getattr = [](fuse_req_t req, fuse_ino_t, fuse_file_info*) {
    *static_cast<fuse_req_t*>(fuse_req_userdata(req)) = req;
  };
  char name[] = "test";
  char option[] = "-ono_reattach";
  char* arguments[] = {name, option, nullptr};
  fuse_args args = FUSE_ARGS_INIT(2, arguments);
  fuse_session* session = fuse_session_new(&args, &ops, sizeof ops, &held);
  ASSERT_NE(nullptr, session);
  ASSERT_EQ(0, fuse_session_mount(session, directory.c_str())) << messages();
  const int device = fuse_session_fd(session);
  std::thread asks([&] {
    struct stat status;
    EXPECT_NE(0, stat(directory.c_str(), &status));
  });
  fuse_buf buffer{};
  while (held == nullptr && fuse_session_receive_buf(session, &buffer) > 0) {
    fuse_session_process_buf(session, &buffer);
  }
  EXPECT_NE(nullptr, held);

  fuse_session_unmount(session);
  asks.join();
  // The lowest number that is free.
  const UniqueFd other(::memfd_create("other", MFD_CLOEXEC));
  EXPECT_NE(device, other.get());
  EXPECT_EQ(-ENODEV, fuse_reply_err(held, EIO));
  struct stat status;
  EXPECT_EQ(0, ::fstat(other.get(), &status));
  EXPECT_EQ(0, status.st_size);
  fuse_session_destroy(session);
  std::free(buffer.mem);
  EXPECT_EQ(-1, ::fcntl(device, F_GETFD)) << "the number is still taken";
  EXPECT_EQ("", messages());
}

}  // namespace
}  // namespace fuse3::test
