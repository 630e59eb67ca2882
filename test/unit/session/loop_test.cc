// How loops end, and with what.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <map>
#include <memory>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

// 0: the loop of one thread.
class SessionLoop : public testing::TestWithParam<unsigned> {
 protected:
  void serve(World& world) {
    if (GetParam() == 0) {
      world.serve_alone();
    } else {
      world.serve_with(GetParam());
    }
  }
  Watchdog watchdog_;
};

INSTANTIATE_TEST_SUITE_P(Threads, SessionLoop, testing::Values(0u, 1u, 2u, 10u),
                         [](const auto& info) { return std::to_string(info.param); });

Handlers reading() {
  return {.read = [](fuse_req_t req, auto...) { fuse_reply_buf(req, "data", 4); }};
}

TEST_P(SessionLoop, ServesUntilUnmounted) {
  World world(reading());
  serve(world);
  EXPECT_EQ(0, world.init().error);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ("data", world.call(Opcode::read, 1, body(wire::ReadIn{})).text());
  }
  EXPECT_EQ(0, world.end());
  EXPECT_EQ(0, fuse_session_exited(world.session));
}

TEST_P(SessionLoop, EndsWhenAnOperationSaysSo) {
  World world({.readlink = [&](fuse_req_t req, auto...) {
    fuse_session_exit(static_cast<World*>(fuse_req_userdata(req))->session);
    fuse_reply_readlink(req, "x");
  }});
  serve(world);
  world.init();
  EXPECT_EQ("x", world.call(Opcode::readlink, 1).text());
  EXPECT_EQ(0, world.join());
}

TEST_P(SessionLoop, AnErrorIsItsResult) {
  World world(reading());
  serve(world);
  world.init();
  world.kernel.fail_next_read(ENOTCONN);
  EXPECT_EQ(-ENOTCONN, world.join());
}

TEST_P(SessionLoop, AReadThatGotNothingIsRepeated) {
  World world(reading());
  serve(world);
  world.init();
  for (const int error : {EINTR, EAGAIN, ENOENT}) world.kernel.fail_next_read(error);
  EXPECT_EQ("data", world.call(Opcode::read, 1, body(wire::ReadIn{})).text());
  EXPECT_EQ(0, world.end());
}

TEST_P(SessionLoop, CanRunAgain) {
  Handlers handlers = reading();
  handlers.readlink = [](fuse_req_t req, auto...) {
    fuse_session_exit(static_cast<World*>(fuse_req_userdata(req))->session);
    fuse_reply_readlink(req, "x");
  };
  World world(handlers);
  serve(world);
  world.init();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ("data", world.call(Opcode::read, 1, body(wire::ReadIn{})).text());
    EXPECT_EQ("x", world.call(Opcode::readlink, 1).text());
    EXPECT_EQ(0, world.join());
    EXPECT_EQ(0, fuse_session_exited(world.session));
    serve(world);
  }
  EXPECT_EQ(0, world.end());
}

TEST_P(SessionLoop, DoesNotStartWhenAskedToEndBefore) {
  World world(reading());
  fuse_session_exit(world.session);
  EXPECT_NE(0, fuse_session_exited(world.session));
  serve(world);
  EXPECT_EQ(0, world.join());
  // That the wish was heard ended it; it counts no more.
  EXPECT_EQ(0, fuse_session_exited(world.session));
  fuse_session_exit(world.session);
  fuse_session_reset(world.session);
  EXPECT_EQ(0, fuse_session_exited(world.session));
  serve(world);
  EXPECT_EQ(0, world.init().error);
  EXPECT_EQ(0, world.end());
}

TEST_P(SessionLoop, AnotherThreadEndsItWithTheNextRequest) {
  World world(reading());
  serve(world);
  world.init();
  fuse_session_exit(world.session);
  // A loop of one thread waits in the kernel until then.
  if (GetParam() == 0) world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  EXPECT_EQ(0, world.join());
}

TEST_P(SessionLoop, ASignalIsItsResult) {
  for (const int signo : {SIGTERM, SIGINT, SIGHUP}) {
    World world(reading());
    ASSERT_EQ(0, fuse_set_signal_handlers(world.session));
    std::atomic<pthread_t> thread{};
    std::atomic<bool> started{false};
    std::atomic<bool> done{false};
    int result = -1;
    std::thread loop([&] {
      thread = pthread_self();
      started = true;
      fuse_loop_config* config = fuse_loop_cfg_create();
      if (GetParam() > 0) fuse_loop_cfg_set_max_threads(config, GetParam());
      result = GetParam() == 0 ? fuse_session_loop(world.session)
                               : fuse_session_loop_mt(world.session, config);
      fuse_loop_cfg_destroy(config);
      done = true;
    });
    ASSERT_TRUE(eventually([&] { return started.load(); }));
    const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
    world.kernel.wait(unique);
    // A signal between the last look and the read comes too late, so it is sent until it is heard.
    ASSERT_TRUE(eventually([&] {
      if (!done) pthread_kill(thread.load(), signo);
      return done.load();
    }));
    loop.join();
    fuse_remove_signal_handlers(world.session);
    EXPECT_EQ(signo, result);
  }
}

TEST_P(SessionLoop, ARequestTooShortEndsIt) {
  LogCapture log;
  World world(reading());
  serve(world);
  world.init();
  world.kernel.submit_raw(Bytes(39));
  EXPECT_EQ(-EIO, world.join());
}

TEST_P(SessionLoop, TheEndOfTheFileIsTheEnd) {
  World world(reading());
  serve(world);
  world.init();
  world.kernel.submit_raw({});
  EXPECT_EQ(0, world.join());
}

TEST_P(SessionLoop, AMalformedRequestIsPassedOver) {
  LogCapture log;
  World world(reading());
  serve(world);
  world.init();
  wire::InHeader header{};
  header.len = 41;
  header.opcode = 1;
  world.kernel.submit_raw(body(header));
  EXPECT_EQ("data", world.call(Opcode::read, 1, body(wire::ReadIn{})).text());
  EXPECT_TRUE(LogCapture::has("malformed"));
}

TEST_P(SessionLoop, DebugOutputNamesTheRequests) {
  LogCapture log;
  World world(reading(), {.arguments = {"-d"}});
  serve(world);
  world.init();
  world.call(Opcode::read, 1, body(wire::ReadIn{}));
  world.end();
  EXPECT_TRUE(LogCapture::has("INIT"));
  EXPECT_TRUE(LogCapture::has("READ"));
}

std::map<int, int> open_descriptors() {
  std::map<int, int> flags;
  for (int fd = 0; fd < 1000; ++fd) {
    const int of_this = ::fcntl(fd, F_GETFD);
    if (of_this >= 0) flags[fd] = of_this;
  }
  return flags;
}

TEST_P(SessionLoop, LeavesNoDescriptorBehind) {
  const std::map<int, int> before = open_descriptors();
  {
    World world(reading(), {.splices = true, .clones = true});
    if (GetParam() == 0) {
      world.serve_alone();
    } else {
      world.serve_with(GetParam(), ~0u, true);
    }
    world.init();
    world.call(Opcode::read, 1, body(wire::ReadIn{}));
    const std::map<int, int> during = open_descriptors();
    EXPECT_LT(before.size(), during.size());
    for (const auto& [fd, flags] : during) {
      EXPECT_TRUE(before.count(fd) > 0 || (flags & FD_CLOEXEC) != 0) << fd;
    }
    EXPECT_EQ(0, world.end());
  }
  EXPECT_EQ(before, open_descriptors());
}

}  // namespace
}  // namespace fuse3::test
