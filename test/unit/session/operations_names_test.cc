// Every request about names and attributes reaches its operation with what it says.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "show.h"
#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

constexpr uint64_t kNode = 0x1122334455667788;
constexpr uint64_t kOther = 0x8877665544332211;
constexpr uint64_t kHandle = 0xfedcba9876543210;

// Serves one request; what its operation saw.
class SessionNames : public testing::Test {
 protected:
  std::string run(Opcode opcode, const Bytes& body = {}) {
    seen.clear();
    World world(handlers);
    EXPECT_EQ(0, world.init().error);
    answer = world.call(opcode, kNode, body, {11, 12, 13});
    return seen;
  }
  // An operation that writes down its arguments and succeeds.
  template <class... Args>
  void saw(fuse_req_t req, const Args&... args) {
    const fuse_ctx& context = *fuse_req_ctx(req);
    EXPECT_EQ(11u, context.uid);
    EXPECT_EQ(12u, context.gid);
    EXPECT_EQ(13, context.pid);
    umask = context.umask;
    seen = show(args...);
    EXPECT_EQ(0, fuse_reply_err(req, 0));
  }

  Handlers handlers;
  std::string seen;
  mode_t umask = 0;
  Answer answer;
};

TEST_F(SessionNames, Lookup) {
  handlers.lookup = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode, "a name"), run(Opcode::lookup, body("a name")));
  EXPECT_EQ(0, answer.error);
  EXPECT_EQ(show(kNode, ".."), run(Opcode::lookup, body("..")));
}

TEST_F(SessionNames, Readlink) {
  handlers.readlink = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode), run(Opcode::readlink));
}

TEST_F(SessionNames, Symlink) {
  handlers.symlink = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show("/target", kNode, "link"), run(Opcode::symlink, body("link", "/target")));
}

TEST_F(SessionNames, Mknod) {
  handlers.mknod = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode, "pipe", S_IFIFO | 0640u, 259),
            run(Opcode::mknod, body(wire::MknodIn{S_IFIFO | 0640, 259, 027, 0}, "pipe")));
  EXPECT_EQ(027u, umask);
}

TEST_F(SessionNames, Mkdir) {
  handlers.mkdir = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode, "dir", 0751u), run(Opcode::mkdir, body(wire::MkdirIn{0751, 022}, "dir")));
  EXPECT_EQ(022u, umask);
}

TEST_F(SessionNames, UnlinkAndRmdir) {
  handlers.unlink = [&](fuse_req_t req, auto... args) { saw(req, "unlink", args...); };
  handlers.rmdir = [&](fuse_req_t req, auto... args) { saw(req, "rmdir", args...); };
  EXPECT_EQ(show("unlink", kNode, "f"), run(Opcode::unlink, body("f")));
  EXPECT_EQ(show("rmdir", kNode, "d"), run(Opcode::rmdir, body("d")));
}

TEST_F(SessionNames, Rename) {
  handlers.rename = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode, "old", kOther, "new", 0),
            run(Opcode::rename, body(wire::RenameIn{kOther}, "old", "new")));
  EXPECT_EQ(show(kNode, "old", kOther, "new", 2),
            run(Opcode::rename2, body(wire::Rename2In{kOther, 2, 0}, "old", "new")));
}

TEST_F(SessionNames, Link) {
  handlers.link = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kOther, kNode, "again"), run(Opcode::link, body(wire::LinkIn{kOther}, "again")));
}

TEST_F(SessionNames, CreateAndTmpfile) {
  handlers.create = [&](fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
                        fuse_file_info* info) { saw(req, parent, name, mode, *info); };
  handlers.tmpfile = [&](fuse_req_t req, fuse_ino_t parent, mode_t mode, fuse_file_info* info) {
    saw(req, parent, mode, *info);
  };
  fuse_file_info info{};
  info.flags = O_RDWR | O_CREAT;
  EXPECT_EQ(show(kNode, "new", 0100644u, info),
            run(Opcode::create, body(wire::CreateIn{O_RDWR | O_CREAT, 0100644, 02, 0}, "new")));
  EXPECT_EQ(02u, umask);
  info.flags = O_RDWR | O_TMPFILE;
  EXPECT_EQ(show(kNode, 0100600u, info),
            run(Opcode::tmpfile, body(wire::CreateIn{O_RDWR | O_TMPFILE, 0100600, 03, 0}, "#1")));
  EXPECT_EQ(03u, umask);
}

TEST_F(SessionNames, AUmaskDoesNotReachTheNextRequest) {
  mode_t second = 1;
  World world({.mkdir = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); },
               .unlink =
                   [&](fuse_req_t req, auto...) {
                     second = fuse_req_ctx(req)->umask;
                     fuse_reply_err(req, 0);
                   }});
  world.init();
  world.call(Opcode::mkdir, 1, body(wire::MkdirIn{0751, 022}, "dir"));
  world.call(Opcode::unlink, 1, body("dir"));
  EXPECT_EQ(0u, second);
}

TEST_F(SessionNames, Getattr) {
  handlers.getattr = [&](fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
    saw(req, ino, Maybe{info});
  };
  EXPECT_EQ(show(kNode, "none"), run(Opcode::getattr, body(wire::GetattrIn{0, 0, kHandle})));
  fuse_file_info info{};
  info.fh = kHandle;
  EXPECT_EQ(show(kNode, info),
            run(Opcode::getattr, body(wire::GetattrIn{wire::getattr_flag::fh, 0, kHandle})));
}

TEST_F(SessionNames, Statx) {
  handlers.statx = [&](fuse_req_t req, fuse_ino_t ino, int flags, int mask, fuse_file_info* info) {
    saw(req, ino, flags, mask, Maybe{info});
  };
  EXPECT_EQ(show(kNode, 0x2000, 0xfff, "none"),
            run(Opcode::statx, body(wire::StatxIn{0, 0, kHandle, 0x2000, 0xfff})));
  fuse_file_info info{};
  info.fh = kHandle;
  EXPECT_EQ(show(kNode, 0, 1, info), run(Opcode::statx, body(wire::StatxIn{1, 0, kHandle, 0, 1})));
}

TEST_F(SessionNames, Setattr) {
  handlers.setattr = [&](fuse_req_t req, fuse_ino_t ino, struct stat* attr, int to_set,
                         fuse_file_info* info) {
    saw(req, ino, attr->st_mode, attr->st_uid, attr->st_gid, attr->st_size, attr->st_atim.tv_sec,
        attr->st_atim.tv_nsec, attr->st_mtim.tv_sec, attr->st_mtim.tv_nsec, attr->st_ctim.tv_sec,
        attr->st_ctim.tv_nsec, to_set, Maybe{info});
  };
  wire::SetattrIn in{};
  in.valid = wire::fattr::mode | wire::fattr::uid | wire::fattr::gid | wire::fattr::size |
             wire::fattr::atime | wire::fattr::mtime | wire::fattr::ctime | wire::fattr::atime_now |
             wire::fattr::mtime_now | wire::fattr::kill_suidgid;
  in.fh = kHandle;
  in.lock_owner = 99;
  in.size = 1;
  in.mode = 0100755;
  in.uid = 5;
  in.gid = 6;
  in.atime = 7;
  in.mtime = static_cast<uint64_t>(-8);
  in.ctime = 9;
  in.atimensec = 10;
  in.mtimensec = 11;
  in.ctimensec = 12;
  const int all = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_SIZE |
                  FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_CTIME |
                  FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_KILL_SUID;
  EXPECT_EQ(show(kNode, 0100755, 5, 6, 1, 7, 10, -8, 11, 9, 12, all, "none"),
            run(Opcode::setattr, body(in)));

  // The bits that say where it comes from are not among those a filesystem is told to set.
  in.valid = wire::fattr::size | wire::fattr::fh | wire::fattr::lockowner;
  fuse_file_info info{};
  info.fh = kHandle;
  info.lock_owner = 99;
  EXPECT_EQ(show(kNode, 0100755, 5, 6, 1, 7, 10, -8, 11, 0, 0, FUSE_SET_ATTR_SIZE, info),
            run(Opcode::setattr, body(in)));
}

TEST_F(SessionNames, AccessBmapStatfsSyncfs) {
  handlers.access = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  handlers.bmap = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  handlers.statfs = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode, 6), run(Opcode::access, body(wire::AccessIn{6, 0})));
  EXPECT_EQ(show(kNode, 4096, 77), run(Opcode::bmap, body(wire::BmapIn{77, 4096, 0})));
  handlers.syncfs = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  EXPECT_EQ(show(kNode), run(Opcode::statfs));
  EXPECT_EQ(show(kNode), run(Opcode::syncfs, body(wire::SyncfsIn{})));
}

TEST_F(SessionNames, ExtendedAttributes) {
  using namespace std::string_view_literals;
  handlers.setxattr = [&](fuse_req_t req, fuse_ino_t ino, const char* name, const char* value,
                          size_t size,
                          int flags) { saw(req, ino, name, std::string(value, size), flags); };
  handlers.getxattr = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  handlers.listxattr = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  handlers.removexattr = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  const uint32_t head[] = {3, 2};
  EXPECT_EQ(show(kNode, "user.a/b", "xyz", 2),
            run(Opcode::setxattr, body(head, "user.a/b", "xyz"sv)));
  EXPECT_EQ(show(kNode, "user.a", 100),
            run(Opcode::getxattr, body(wire::GetxattrIn{100, 0}, "user.a")));
  EXPECT_EQ(show(kNode, 0), run(Opcode::listxattr, body(wire::GetxattrIn{0, 0})));
  EXPECT_EQ(show(kNode, "user.a"), run(Opcode::removexattr, body("user.a")));
}

TEST_F(SessionNames, TheLongFormOfSetxattr) {
  using namespace std::string_view_literals;
  handlers.init = [](fuse_conn_info& conn) { fuse_set_feature_flag(&conn, FUSE_CAP_SETXATTR_EXT); };
  handlers.setxattr = [&](fuse_req_t req, fuse_ino_t ino, const char* name, const char* value,
                          size_t size,
                          int flags) { saw(req, ino, name, std::string(value, size), flags); };
  EXPECT_EQ(show(kNode, "user.a", "xyz", 1),
            run(Opcode::setxattr, body(wire::SetxattrIn{3, 1, 1, 0}, "user.a", "xyz"sv)));
}

TEST_F(SessionNames, NamesThatCannotBeAreRefused) {
  handlers.lookup = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  handlers.mkdir = [&](fuse_req_t req, auto... args) { saw(req, args...); };
  for (const char* name : {"", "a/b", "/"}) {
    EXPECT_EQ("", run(Opcode::lookup, body(name)));
    EXPECT_EQ(-EINVAL, answer.error);
    EXPECT_EQ("", run(Opcode::mkdir, body(wire::MkdirIn{}, name)));
    EXPECT_EQ(-EINVAL, answer.error);
  }
  EXPECT_EQ("", run(Opcode::lookup, body('x')));
  EXPECT_EQ(-EINVAL, answer.error);
}

}  // namespace
}  // namespace fuse3::test
