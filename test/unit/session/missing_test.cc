// What the library answers by itself where an operation is missing.
#include <gtest/gtest.h>

#include "world.h"

namespace fuse3::test {
namespace {

using namespace std::string_view_literals;
using wire::Opcode;

struct Case {
  Opcode opcode;
  Bytes bytes;
};

std::vector<Case> requests() {
  const wire::ReadIn read{1, 0, 10, 0, 0, 0, 0};
  const wire::LkIn lock{1, 2, {0, 9, 1, 3}, 0, 0};
  const wire::LkIn whole{1, 2, {0, 9, 1, 3}, wire::lock_flag::flock, 0};
  const uint32_t xattr[] = {1, 0};
  return {
      {Opcode::lookup, body("n")},
      {Opcode::getattr, body(wire::GetattrIn{})},
      {Opcode::setattr, body(wire::SetattrIn{})},
      {Opcode::readlink, {}},
      {Opcode::symlink, body("n", "t")},
      {Opcode::mknod, body(wire::MknodIn{}, "n")},
      {Opcode::mkdir, body(wire::MkdirIn{}, "n")},
      {Opcode::unlink, body("n")},
      {Opcode::rmdir, body("n")},
      {Opcode::rename, body(wire::RenameIn{2}, "n", "m")},
      {Opcode::rename2, body(wire::Rename2In{2, 0, 0}, "n", "m")},
      {Opcode::link, body(wire::LinkIn{2}, "n")},
      {Opcode::read, body(read)},
      {Opcode::write, body(wire::WriteIn{1, 0, 1, 0, 0, 0, 0}, "x"sv)},
      {Opcode::flush, body(wire::FlushIn{})},
      {Opcode::fsync, body(wire::FsyncIn{})},
      {Opcode::readdir, body(read)},
      {Opcode::readdirplus, body(read)},
      {Opcode::fsyncdir, body(wire::FsyncIn{})},
      {Opcode::setxattr, body(xattr, "n", "v"sv)},
      {Opcode::getxattr, body(wire::GetxattrIn{}, "n")},
      {Opcode::listxattr, body(wire::GetxattrIn{})},
      {Opcode::removexattr, body("n")},
      {Opcode::access, body(wire::AccessIn{})},
      {Opcode::create, body(wire::CreateIn{}, "n")},
      {Opcode::getlk, body(lock)},
      {Opcode::setlk, body(lock)},
      {Opcode::setlkw, body(lock)},
      {Opcode::setlk, body(whole)},
      {Opcode::bmap, body(wire::BmapIn{})},
      {Opcode::ioctl, body(wire::IoctlIn{})},
      {Opcode::poll, body(wire::PollIn{})},
      {Opcode::fallocate, body(wire::FallocateIn{})},
      {Opcode::copy_file_range, body(wire::CopyFileRangeIn{})},
      {Opcode::copy_file_range_64, body(wire::CopyFileRangeIn{})},
      {Opcode::lseek, body(wire::LseekIn{})},
      {Opcode::tmpfile, body(wire::CreateIn{}, "n")},
      {Opcode::statx, body(wire::StatxIn{})},
      // Nothing a filesystem could do about these.
      {Opcode::syncfs, body(wire::SyncfsIn{})},
      {Opcode::setupmapping, body(wire::SetupmappingIn{})},
      {Opcode::removemapping, body(wire::RemovemappingIn{})},
      {Opcode::cuse_init, body(wire::CuseInitIn{7, 45, 0, 0})},
      {static_cast<Opcode>(0), {}},
      {static_cast<Opcode>(7), {}},
      {static_cast<Opcode>(54), {}},
      {static_cast<Opcode>(UINT32_MAX), {}},
  };
}

TEST(SessionMissing, IsNotImplemented) {
  World world;
  world.init();
  for (const Case& request : requests()) {
    const Answer answer = world.call(request.opcode, 1, request.bytes);
    EXPECT_EQ(-ENOSYS, answer.error) << wire::opcode_name(request.opcode);
    EXPECT_TRUE(answer.payload.empty());
  }
}

TEST(SessionMissing, OpensSucceedWhereTheKernelCannotDoWithout) {
  World world;
  world.init();
  for (const Opcode opcode : {Opcode::open, Opcode::opendir}) {
    const Answer answer = world.call(opcode, 1, body(wire::OpenIn{}));
    EXPECT_EQ(0, answer.error);
    ASSERT_EQ(sizeof(wire::OpenOut), answer.payload.size());
    EXPECT_EQ(0u, answer.as<wire::OpenOut>().fh);
    EXPECT_EQ(0u, answer.as<wire::OpenOut>().open_flags);
  }
}

TEST(SessionMissing, OpensAreNotImplementedWhereTheKernelWasToldSo) {
  World world({.init = [](fuse_conn_info& conn) {
    fuse_set_feature_flag(&conn, FUSE_CAP_NO_OPEN_SUPPORT);
    fuse_set_feature_flag(&conn, FUSE_CAP_NO_OPENDIR_SUPPORT);
  }});
  world.init();
  EXPECT_EQ(-ENOSYS, world.call(Opcode::open, 1, body(wire::OpenIn{})).error);
  EXPECT_EQ(-ENOSYS, world.call(Opcode::opendir, 1, body(wire::OpenIn{})).error);
}

TEST(SessionMissing, ReleaseSucceeds) {
  World world;
  world.init();
  EXPECT_EQ(0, world.call(Opcode::release, 1, body(wire::ReleaseIn{})).error);
  EXPECT_EQ(0, world.call(Opcode::releasedir, 1, body(wire::ReleaseIn{})).error);
}

TEST(SessionMissing, StatfsHasFigures) {
  World world;
  world.init();
  const Answer answer = world.call(Opcode::statfs, 1);
  EXPECT_EQ(0, answer.error);
  ASSERT_EQ(sizeof(wire::StatfsOut), answer.payload.size());
  EXPECT_EQ(255u, answer.as<wire::StatfsOut>().namelen);
  EXPECT_EQ(512u, answer.as<wire::StatfsOut>().bsize);
}

TEST(SessionMissing, TheRestIsSwallowed) {
  World world;
  world.init();
  world.tell(Opcode::forget, 2, body(wire::ForgetIn{1}));
  world.tell(Opcode::batch_forget, 0, body(wire::BatchForgetIn{1, 0}, wire::ForgetOne{2, 1}));
  world.kernel.submit_notify_reply(9, 1, body(wire::NotifyRetrieveIn{}));
  world.pump();
  EXPECT_EQ(0u, world.kernel.queued());
  EXPECT_EQ(0, world.call(Opcode::destroy, 0).error);
}

}  // namespace
}  // namespace fuse3::test
