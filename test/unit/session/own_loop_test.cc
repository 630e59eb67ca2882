// Programs that receive and process by themselves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>

#include "session/own_loop.h"
#include "world.h"

namespace fuse3::test {
namespace {

using namespace std::string_view_literals;
using wire::Opcode;

const Bytes kRead = body(wire::ReadIn{});

Handlers reading() {
  return {.read = [](fuse_req_t req, auto...) { fuse_reply_buf(req, "data", 4); }};
}

struct Buffer : fuse_buf {
  Buffer() : fuse_buf{} {}
  ~Buffer() { std::free(mem); }
};

TEST(SessionOwnLoop, MemoryIsMadeOnceAndUsedAgain) {
  World world(reading());
  world.init();
  Buffer buffer;
  world.kernel.submit(Opcode::read, 1, kRead);
  EXPECT_EQ(80, fuse_session_receive_buf(world.session, &buffer));
  ASSERT_NE(nullptr, buffer.mem);
  EXPECT_EQ(80u, buffer.size);
  EXPECT_LE(1048576u, buffer.mem_size);
  void* const memory = buffer.mem;
  fuse_session_process_buf(world.session, &buffer);
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, kRead);
  EXPECT_EQ(80, fuse_session_receive_buf(world.session, &buffer));
  EXPECT_EQ(memory, buffer.mem);
  fuse_session_process_buf(world.session, &buffer);
  EXPECT_EQ("data", world.kernel.wait(unique).text());
}

TEST(SessionOwnLoop, MemoryOfTheCallersIsNotOverrun) {
  World world(reading());
  world.init();
  Buffer buffer;
  buffer.mem_size = 8192;
  buffer.mem = std::malloc(buffer.mem_size);
  const uint64_t fits = world.kernel.submit(Opcode::read, 1, kRead);
  EXPECT_EQ(80, fuse_session_receive_buf(world.session, &buffer));
  fuse_session_process_buf(world.session, &buffer);
  EXPECT_EQ("data", world.kernel.wait(fits).text());
  const std::string large(9000, 'x');
  world.kernel.submit(Opcode::write, 1,
                      body(wire::WriteIn{1, 0, 9000, 0, 0, 0, 0}, std::string_view(large)));
  EXPECT_EQ(-EIO, fuse_session_receive_buf(world.session, &buffer));
}

TEST(SessionOwnLoop, TheEnd) {
  World world(reading());
  world.init();
  Buffer buffer;
  world.kernel.end();
  EXPECT_EQ(0, fuse_session_receive_buf(world.session, &buffer));
  EXPECT_NE(0, fuse_session_exited(world.session));
}

TEST(SessionOwnLoop, TheEndOfTheFile) {
  World world(reading());
  world.init();
  Buffer buffer;
  world.kernel.submit_raw({});
  EXPECT_EQ(0, fuse_session_receive_buf(world.session, &buffer));
  EXPECT_NE(0, fuse_session_exited(world.session));
}

TEST(SessionOwnLoop, Errors) {
  LogCapture log;
  World world(reading());
  world.init();
  Buffer buffer;
  for (const int error : {EINTR, EAGAIN, EIO}) {
    world.kernel.fail_next_read(error);
    EXPECT_EQ(-error, fuse_session_receive_buf(world.session, &buffer));
    EXPECT_EQ(0, fuse_session_exited(world.session));
  }
  world.kernel.submit_raw(Bytes(39));
  EXPECT_EQ(-EIO, fuse_session_receive_buf(world.session, &buffer));
}

// The caller knows EINTR and EAGAIN as reasons to try again, and no other.
TEST(SessionOwnLoop, AWithdrawnRequestIsNoError) {
  World world(reading());
  world.init();
  Buffer buffer;
  world.kernel.withdraw(world.kernel.submit(Opcode::read, 1, kRead));
  const uint64_t next = world.kernel.submit(Opcode::read, 1, kRead);
  int size = 0;
  do {
    size = fuse_session_receive_buf(world.session, &buffer);
  } while (size == -EINTR || size == -EAGAIN);
  EXPECT_EQ(80, size);
  fuse_session_process_buf(world.session, &buffer);
  EXPECT_EQ("data", world.kernel.wait(next).text());
}

TEST(SessionOwnLoop, SeveralBuffersAtOnce) {
  World world(reading());
  world.init();
  Buffer first;
  Buffer second;
  const uint64_t one = world.kernel.submit(Opcode::read, 1, kRead);
  const uint64_t two = world.kernel.submit(Opcode::read, 2, kRead);
  ASSERT_LT(0, fuse_session_receive_buf(world.session, &first));
  ASSERT_LT(0, fuse_session_receive_buf(world.session, &second));
  fuse_session_process_buf(world.session, &second);
  EXPECT_EQ("data", world.kernel.wait(two).text());
  EXPECT_FALSE(world.kernel.answered(one));
  fuse_session_process_buf(world.session, &first);
  EXPECT_EQ("data", world.kernel.wait(one).text());
}

TEST(SessionOwnLoop, SeveralThreadsAtOnce) {
  Watchdog watchdog;
  World world(reading());
  world.init();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&world] {
      Buffer buffer;
      while (fuse_session_exited(world.session) == 0) {
        if (fuse_session_receive_buf(world.session, &buffer) > 0) {
          fuse_session_process_buf(world.session, &buffer);
        }
      }
    });
  }
  std::vector<uint64_t> sent;
  for (int i = 0; i < 500; ++i) sent.push_back(world.kernel.submit(Opcode::read, 1, kRead));
  for (const uint64_t unique : sent) EXPECT_EQ("data", world.kernel.wait(unique).text());
  world.kernel.end();
  for (std::thread& thread : threads) thread.join();
}

TEST(SessionOwnLoop, ARequestInAPipe) {
  std::string written;
  World world({.write = [&](fuse_req_t req, fuse_ino_t, const char* data, size_t size, auto...) {
    written.assign(data, size);
    fuse_reply_write(req, size);
  }});
  world.init();
  const uint64_t unique =
      world.kernel.submit(Opcode::write, 1, body(wire::WriteIn{1, 0, 5, 0, 0, 0, 0}, "hello"sv));
  Buffer received;
  const int size = fuse_session_receive_buf(world.session, &received);
  ASSERT_EQ(85, size);
  int ends[2];
  ASSERT_EQ(0, ::pipe2(ends, O_CLOEXEC));
  ASSERT_EQ(size, ::write(ends[1], received.mem, received.size));
  fuse_buf piped{};
  piped.size = received.size;
  piped.flags = FUSE_BUF_IS_FD;
  piped.fd = ends[0];
  fuse_session_process_buf(world.session, &piped);
  ::close(ends[1]);
  EXPECT_EQ(5u, world.kernel.wait(unique).as<wire::WriteOut>().size);
  EXPECT_EQ("hello", written);
  LogCapture log;
  fuse_session_process_buf(world.session, &piped);
  EXPECT_TRUE(LogCapture::has("pipe"));
  ::close(ends[0]);
}

TEST(SessionOwnLoop, TheDescriptor) {
  World world(reading());
  EXPECT_LE(0, fuse_session_fd(world.session));
  EXPECT_LE(0, ::fcntl(fuse_session_fd(world.session), F_GETFD));
}

TEST(SessionOwnLoop, WithoutOneTheLibraryCallsAtOnce) {
  OwnLoop loop;
  int calls = 0;
  loop.call([&] { ++calls; });
  EXPECT_EQ(1, calls);
  EXPECT_FALSE(loop.has_task());
}

TEST(SessionOwnLoop, TheLibraryCallsOnceInATurn) {
  OwnLoop loop;
  loop.begin();
  std::string calls;
  const auto call = [&](char name) { loop.call([&calls, name] { calls += name; }); };
  call('a');  // out of turn
  {
    const OwnLoop::Turn turn;
    call('b');
    call('c');
  }
  EXPECT_EQ("b", calls);
  {
    const OwnLoop::Turn turn;
    OwnLoop::called();
    call('d');
  }
  EXPECT_EQ("b", calls);
  while (loop.run_task()) {
  }
  EXPECT_EQ("bacd", calls);
}

TEST(SessionOwnLoop, TheBell) {
  int ends[2];
  ASSERT_EQ(0, ::pipe2(ends, O_CLOEXEC));
  OwnLoop loop;
  loop.begin();
  pollfd both{loop.wait_fd(ends[0]), POLLIN, 0};
  ASSERT_LE(0, both.fd);
  EXPECT_EQ(both.fd, loop.wait_fd(ends[0]));
  EXPECT_EQ(0, ::poll(&both, 1, 0));
  loop.call([] {});
  EXPECT_EQ(1, ::poll(&both, 1, 0));
  EXPECT_TRUE(loop.look(ends[0]).rung);
  EXPECT_EQ(0, ::poll(&both, 1, 0));
  EXPECT_TRUE(loop.has_task());
  ASSERT_EQ(1, ::write(ends[1], "x", 1));
  EXPECT_EQ(1, ::poll(&both, 1, 0));
  EXPECT_TRUE(loop.look(ends[0]).device);
  EXPECT_FALSE(loop.look(ends[0]).rung);
  EXPECT_TRUE(loop.wait(ends[0]).ok());
  ::fcntl(both.fd, F_SETFL, ::fcntl(both.fd, F_GETFL) | O_NONBLOCK);
  EXPECT_EQ(EAGAIN, loop.wait(ends[0]).error());
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace fuse3::test
