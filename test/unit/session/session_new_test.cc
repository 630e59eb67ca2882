// Making a session, and who may use it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

fuse_session* make(std::vector<const char*> arguments, const fuse_lowlevel_ops* ops = nullptr,
                   size_t ops_size = sizeof(fuse_lowlevel_ops)) {
  static const fuse_lowlevel_ops none{};
  std::vector<char*> copy;
  for (const char* argument : arguments) copy.push_back(const_cast<char*>(argument));
  fuse_args args = FUSE_ARGS_INIT(static_cast<int>(copy.size()), copy.data());
  fuse_session* session = fuse_session_new(&args, ops != nullptr ? ops : &none, ops_size, nullptr);
  fuse_opt_free_args(&args);
  return session;
}

void expect_made(std::vector<const char*> arguments) {
  LogCapture log;
  fuse_session* session = make(arguments);
  EXPECT_NE(nullptr, session) << arguments.back();
  EXPECT_EQ("", LogCapture::text());
  fuse_session_destroy(session);
}

TEST(SessionNew, KnownOptionsAreTaken) {
  expect_made({"prog"});
  expect_made({"prog", "-d"});
  expect_made({"prog", "-o", "debug"});
  expect_made({"prog", "-o", "allow_other,ro,fsname=x,subtype=y,max_read=4096"});
  expect_made({"prog", "-o", "reattach,reattach_dir=/tmp,reattach_timeout=5"});
  expect_made({"prog", "-o", "reattach_ioctl=rerun"});
  expect_made({"prog", "-o", "reattach_ioctl=eintr"});
  expect_made({"prog", "-o", "reattach_unlinked=hide"});
  expect_made({"prog", "-o", "reattach_unlinked=stale"});
  expect_made({"prog", "-o", "reattach_holder=auto"});
  expect_made({"prog", "-o", "reattach_holder=keeper,reattach_notify=yes"});
  expect_made({"prog", "-o", "reattach_holder=systemd,reattach_notify=no"});
  expect_made({"prog", "-o", "reattach_resend=yes"});
  expect_made({"prog", "-o", "reattach_holder=kernel"});
  expect_made({"prog", "-o", "no_reattach"});
}

TEST(SessionNew, UnknownOptionsAreNamed) {
  LogCapture log;
  EXPECT_EQ(nullptr, make({"prog", "-o", "ro,frobnicate=3,rw", "--strange", "stray"}));
  EXPECT_TRUE(LogCapture::has("frobnicate=3")) << LogCapture::text();
  EXPECT_TRUE(LogCapture::has("--strange"));
  EXPECT_TRUE(LogCapture::has("stray"));
}

TEST(SessionNew, AnEmptyVectorIsRefused) {
  LogCapture log;
  EXPECT_EQ(nullptr, make({}));
  EXPECT_NE("", LogCapture::text());
  EXPECT_EQ(nullptr, fuse_session_new(nullptr, nullptr, 0, nullptr));
}

TEST(SessionNew, ReattachNeedsTime) {
  LogCapture log;
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_timeout=0"}));
  EXPECT_TRUE(LogCapture::has("reattach_timeout"));
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_timeout=soon"}));
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_unlinked="}));
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_ioctl=maybe"}));
  EXPECT_TRUE(LogCapture::has("reattach_ioctl=maybe: it must be rerun or eintr"));
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_holder=me"}));
  EXPECT_TRUE(LogCapture::has("reattach_holder=me: it must be auto, keeper, systemd or kernel"));
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_notify=perhaps"}));
  EXPECT_EQ(nullptr, make({"prog", "-o", "reattach_resend=1"}));
}

TEST(SessionNew, TheArgumentsStayTheCallers) {
  char name[] = "prog";
  char flag[] = "-o";
  char list[] = "ro,fsname=x";
  char* vector[] = {name, flag, list, nullptr};
  fuse_args args = FUSE_ARGS_INIT(3, vector);
  const fuse_lowlevel_ops ops{};
  fuse_session* session = fuse_session_new(&args, &ops, sizeof ops, nullptr);
  EXPECT_NE(nullptr, session);
  EXPECT_EQ(3, args.argc);
  EXPECT_EQ(vector, args.argv);
  EXPECT_STREQ("ro,fsname=x", vector[2]);
  fuse_session_destroy(session);
}

// Programs built with older headers have fewer operations, those built with newer ones more.
TEST(SessionNew, TheSizeOfTheOperationsIsHeeded) {
  struct Newer {
    fuse_lowlevel_ops known;
    void (*unknown)();
  } newer{};
  LogCapture log;
  fuse_session* session = make({"prog"}, &newer.known, sizeof newer);
  EXPECT_NE(nullptr, session);
  fuse_session_destroy(session);

  Handlers handlers;
  handlers.lookup = [](fuse_req_t req, auto...) { fuse_reply_err(req, EXDEV); };
  handlers.statx = [](fuse_req_t req, auto...) { fuse_reply_err(req, EXDEV); };
  World world(handlers);
  World older;
  const fuse_lowlevel_ops ops = handlers.operations();
  char name[] = "prog";
  char* vector[] = {name, nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, vector);
  fuse_session_destroy(older.session);
  older.handlers = handlers;
  older.session = fuse_session_new(&args, &ops, offsetof(fuse_lowlevel_ops, statx), &older);
  ASSERT_NE(nullptr, older.session);
  const fuse_custom_io io = world_io({});
  ASSERT_EQ(0, fuse_session_custom_io(older.session, &io, older.kernel.open_device()));
  older.init();
  EXPECT_EQ(-EXDEV, older.call(Opcode::lookup, 1, body("n")).error);
  EXPECT_EQ(-ENOSYS, older.call(Opcode::statx, 1, body(wire::StatxIn{})).error);
}

TEST(SessionNew, NothingIsDestroyedWithoutASession) {
  fuse_session_destroy(nullptr);
  fuse_session* session = make({"prog"});
  EXPECT_EQ(-1, fuse_session_fd(session));
  fuse_session_unmount(session);
  fuse_session_destroy(session);
}

TEST(SessionNew, CustomFunctionsAreChecked) {
  LogCapture log;
  fuse_session* session = make({"prog"});
  const fuse_custom_io good = world_io({});
  EXPECT_EQ(-EBADF, fuse_session_custom_io(session, &good, -1));
  EXPECT_EQ(-EINVAL, fuse_session_custom_io(session, nullptr, 0));
  fuse_custom_io bad = good;
  bad.read = nullptr;
  EXPECT_EQ(-EINVAL, fuse_session_custom_io(session, &bad, 0));
  bad = good;
  bad.writev = nullptr;
  EXPECT_EQ(-EINVAL, fuse_session_custom_io(session, &bad, 0));
  // After a failure the descriptor is still the caller's.
  EXPECT_LE(0, ::fcntl(0, F_GETFD));
  EXPECT_EQ(-1, fuse_session_fd(session));
  int ends[2];
  ASSERT_EQ(0, ::pipe2(ends, O_CLOEXEC));
  EXPECT_EQ(0, fuse_session_custom_io(session, &good, ends[0]));
  EXPECT_EQ(ends[0], fuse_session_fd(session));
  fuse_session_destroy(session);
  EXPECT_EQ(-1, ::fcntl(ends[0], F_GETFD));
  ::close(ends[1]);
}

// Before 3.17 the structure ended before clone_fd; what is behind it then is not ours.
TEST(SessionNew, TheOldFormOfCustomFunctionsHasNoClone) {
  LogCapture log;
  World world({.read = [](fuse_req_t req, auto...) { fuse_reply_buf(req, "data", 4); }});
  fuse_custom_io io = world_io({});
  io.clone_fd = [](int) -> int {
    ADD_FAILURE();
    return -EIO;
  };
  ASSERT_EQ(0, fuse_session_custom_io_30(world.session, &io, world.kernel.open_device()));
  world.serve_with(2, ~0u, true);
  world.init();
  EXPECT_EQ("data", world.call(Opcode::read, 1, body(wire::ReadIn{})).text());
}

TEST(SessionNew, ALoopNeedsAConfigurationOfOurs) {
  LogCapture log;
  World world;
  struct {
    int words[8];
  } garbage{};
  EXPECT_EQ(-EINVAL,
            fuse_session_loop_mt(world.session, reinterpret_cast<fuse_loop_config*>(&garbage)));
}

TEST(SessionAllowRoot, OthersMayGoOnButNotBegin) {
  const uint32_t owner = ::getuid();
  const uint32_t stranger = owner + 12345;
  Handlers handlers;
  handlers.lookup = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.open = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.read = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.write = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.fsync = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.fsyncdir = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.readdir = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  handlers.readdirplus = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); };
  World world(handlers, {.arguments = {"-o", "allow_root"}});
  ASSERT_EQ(0, world.init().error);
  const Bytes wide(64);
  const auto as = [&](uint32_t uid, Opcode opcode) {
    return world.call(opcode, 1, opcode == Opcode::lookup ? body("n") : wide, {uid, 1, 1}).error;
  };
  for (const uint32_t uid : {0u, owner}) {
    EXPECT_EQ(0, as(uid, Opcode::lookup));
    EXPECT_EQ(0, as(uid, Opcode::open));
  }
  EXPECT_EQ(-EACCES, as(stranger, Opcode::lookup));
  EXPECT_EQ(-EACCES, as(stranger, Opcode::open));
  EXPECT_EQ(-EACCES, as(stranger, Opcode::getattr));
  EXPECT_EQ(-EACCES, as(stranger, Opcode::statfs));
  for (const Opcode opcode :
       {Opcode::read, Opcode::write, Opcode::fsync, Opcode::release, Opcode::readdir,
        Opcode::fsyncdir, Opcode::releasedir, Opcode::readdirplus}) {
    EXPECT_EQ(0, as(stranger, opcode)) << wire::opcode_name(opcode);
  }
}

// The system call is of this thread alone.
TEST(SessionAllowRoot, IsOfWhoMountedWhoeverTheServerIsNow) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  constexpr uint32_t kOwner = 12345;
  constexpr uint32_t kServer = 12346;
  const auto become = [](uint32_t uid) { return ::syscall(SYS_setresuid, uid, -1, -1); };
  ASSERT_EQ(0, become(kOwner));
  World world({.lookup = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); }},
              {.arguments = {"-o", "allow_root"}});
  EXPECT_EQ(0, become(kServer));
  world.init();
  const auto lookup = [&](uint32_t uid) {
    return world.call(Opcode::lookup, 1, body("n"), {uid, 1, 1}).error;
  };
  EXPECT_EQ(0, lookup(kOwner));
  EXPECT_EQ(0, lookup(0));
  EXPECT_EQ(-EACCES, lookup(kServer));
  EXPECT_EQ(0, become(0));
}

TEST(SessionAllowRoot, WithoutItEverybodyIsServed) {
  World world({.lookup = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); }});
  world.init();
  EXPECT_EQ(0, world.call(Opcode::lookup, 1, body("n"), {::getuid() + 12345, 1, 1}).error);
}

}  // namespace
}  // namespace fuse3::test
