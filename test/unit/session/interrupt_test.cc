// Applications that do not want to wait.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

struct Seen {
  fuse_req_t req = nullptr;
  std::atomic<int> calls{0};
  std::thread::id thread;
};

void note(fuse_req_t req, void* data) {
  Seen& seen = *static_cast<Seen*>(data);
  seen.req = req;
  seen.thread = std::this_thread::get_id();
  ++seen.calls;
}

TEST(SessionInterrupt, WhileTheFilesystemHasTheRequest) {
  Watchdog watchdog;
  fuse_req_t held = nullptr;
  Seen seen;
  World world({.read = [&](fuse_req_t req, auto...) {
    held = req;
    EXPECT_EQ(0, fuse_req_interrupted(req));
    fuse_req_interrupt_func(req, note, &seen);
  }});
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.pump();
  EXPECT_EQ(0, seen.calls);
  world.kernel.interrupt(unique);
  world.pump();
  EXPECT_EQ(1, seen.calls);
  EXPECT_EQ(held, seen.req);
  EXPECT_EQ(1, fuse_req_interrupted(held));
  EXPECT_EQ(0, fuse_reply_err(held, EINTR));
  EXPECT_EQ(-EINTR, world.kernel.wait(unique).error);
  EXPECT_EQ(0u, world.kernel.interrupts_sent_again());
}

TEST(SessionInterrupt, WithoutAFunctionItCanBeAskedFor) {
  fuse_req_t held = nullptr;
  World world({.read = [&](fuse_req_t req, auto...) { held = req; }});
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.kernel.interrupt(unique);
  world.pump();
  EXPECT_EQ(1, fuse_req_interrupted(held));
  // Set too late: called at once, on this thread.
  Seen seen;
  fuse_req_interrupt_func(held, note, &seen);
  EXPECT_EQ(1, seen.calls);
  EXPECT_EQ(std::this_thread::get_id(), seen.thread);
  fuse_req_interrupt_func(held, nullptr, nullptr);
  EXPECT_EQ(1, seen.calls);
  fuse_reply_err(held, EINTR);
}

TEST(SessionInterrupt, ATakenBackFunctionIsNotCalled) {
  fuse_req_t held = nullptr;
  Seen seen;
  World world({.read = [&](fuse_req_t req, auto...) {
    held = req;
    fuse_req_interrupt_func(req, note, &seen);
    fuse_req_interrupt_func(req, nullptr, nullptr);
  }});
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.kernel.interrupt(unique);
  world.pump();
  EXPECT_EQ(0, seen.calls);
  EXPECT_EQ(1, fuse_req_interrupted(held));
  fuse_reply_err(held, 0);
}

TEST(SessionInterrupt, BeforeItsRequestComesAgain) {
  Watchdog watchdog;
  int interrupted = 0;
  World world({.read = [&](fuse_req_t req, auto...) {
    interrupted = fuse_req_interrupted(req);
    fuse_reply_err(req, 0);
  }});
  world.init();
  // Two receivers: the one with the request is overtaken by the one with its interrupt.
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.kernel.interrupt(unique);
  fuse_buf first{};
  fuse_buf second{};
  ASSERT_LT(0, fuse_session_receive_buf(world.session, &first));
  ASSERT_LT(0, fuse_session_receive_buf(world.session, &second));
  fuse_session_process_buf(world.session, &second);
  EXPECT_EQ(1u, world.kernel.interrupts_sent_again());
  fuse_session_process_buf(world.session, &first);
  EXPECT_EQ(0, world.kernel.wait(unique).error);
  EXPECT_EQ(0, interrupted);
  // The second time nobody waits for the request any more, so it is not sent a third time.
  world.pump();
  EXPECT_EQ(0u, world.kernel.queued());
  EXPECT_EQ(1u, world.kernel.interrupts_sent_again());
  std::free(first.mem);
  std::free(second.mem);
}

TEST(SessionInterrupt, AfterTheAnswerNothingHappens) {
  Seen seen;
  World world({.read = [&](fuse_req_t req, auto...) {
    fuse_req_interrupt_func(req, note, &seen);
    fuse_reply_err(req, 0);
  }});
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.pump();
  world.kernel.interrupt(unique);
  world.pump();
  EXPECT_EQ(0, seen.calls);
  EXPECT_EQ(0u, world.kernel.interrupts_sent_again());
}

TEST(SessionInterrupt, TheNextUserOfARequestStartsAfresh) {
  Seen seen;
  bool hold = true;
  fuse_req_t held = nullptr;
  World world({.read = [&](fuse_req_t req, auto...) {
    EXPECT_EQ(0, fuse_req_interrupted(req));
    held = req;
    if (hold) return fuse_req_interrupt_func(req, note, &seen);
    fuse_reply_err(req, 0);
  }});
  world.init();
  const uint64_t first = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.kernel.interrupt(first);
  world.pump();
  fuse_req_t old = held;
  fuse_reply_err(held, EINTR);
  hold = false;
  EXPECT_EQ(0, world.call(Opcode::read, 1, body(wire::ReadIn{})).error);
  EXPECT_EQ(old, held) << "the object was not reused: the test tests nothing";
  EXPECT_EQ(1, seen.calls);
}

TEST(SessionInterrupt, AnAnswerMayBeGivenByTheFunction) {
  Watchdog watchdog;
  World world({.setlk = [](fuse_req_t req, auto...) {
    fuse_req_interrupt_func(
        req, [](fuse_req_t waiting, void*) { EXPECT_EQ(0, fuse_reply_err(waiting, EINTR)); },
        nullptr);
  }});
  world.init();
  for (int i = 0; i < 3; ++i) {
    const uint64_t unique = world.kernel.submit(Opcode::setlkw, 1, body(wire::LkIn{}));
    world.kernel.interrupt(unique);
    world.pump();
    EXPECT_EQ(-EINTR, world.kernel.wait(unique).error);
  }
}

TEST(SessionInterrupt, AnUnknownRequestIsNoMatter) {
  World world({.read = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); }});
  world.init();
  world.kernel.interrupt(0x123450);
  world.pump();
  EXPECT_EQ(0, world.call(Opcode::read, 1, body(wire::ReadIn{})).error);
}

TEST(SessionInterrupt, TheFilesystemCanDoWithout) {
  Seen seen;
  fuse_req_t held = nullptr;
  World world({.init = [](fuse_conn_info& conn) { conn.no_interrupt = 1; },
               .read =
                   [&](fuse_req_t req, auto...) {
                     held = req;
                     fuse_req_interrupt_func(req, note, &seen);
                   }});
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  world.kernel.interrupt(unique);
  world.pump();
  EXPECT_EQ(0, seen.calls);
  EXPECT_EQ(0, fuse_req_interrupted(held));
  fuse_reply_err(held, 0);
}

TEST(SessionInterrupt, WakesAnOperationOnAnotherThread) {
  Watchdog watchdog;
  World world({.read = [](fuse_req_t req, auto...) {
    std::promise<void> woken;
    fuse_req_interrupt_func(
        req, [](fuse_req_t, void* data) { static_cast<std::promise<void>*>(data)->set_value(); },
        &woken);
    woken.get_future().wait();
    fuse_req_interrupt_func(req, nullptr, nullptr);
    fuse_reply_err(req, EINTR);
  }});
  world.serve_with(4);
  world.init();
  for (int i = 0; i < 20; ++i) {
    const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
    ASSERT_TRUE(eventually([&] { return world.kernel.read_by_server(unique); }));
    world.kernel.interrupt(unique);
    EXPECT_EQ(-EINTR, world.kernel.wait(unique).error);
  }
}

// Once it was taken back, the function's data may go.
TEST(SessionInterrupt, TakingTheFunctionBackWaitsForIt) {
  Watchdog watchdog;
  std::atomic<bool> entered{false};
  std::atomic<bool> left{false};
  struct Slow {
    std::atomic<bool>* entered;
    std::atomic<bool>* left;
  } slow{&entered, &left};
  bool left_when_taken_back = false;
  World world({.read = [&](fuse_req_t req, auto...) {
    fuse_req_interrupt_func(
        req,
        [](fuse_req_t, void* data) {
          const Slow& it = *static_cast<Slow*>(data);
          *it.entered = true;
          std::this_thread::sleep_for(std::chrono::milliseconds(50));
          *it.left = true;
        },
        &slow);
    eventually([&] { return entered.load(); });
    fuse_req_interrupt_func(req, nullptr, nullptr);
    left_when_taken_back = left;
    fuse_reply_err(req, EINTR);
  }});
  world.serve_with(4);
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, body(wire::ReadIn{}));
  ASSERT_TRUE(eventually([&] { return world.kernel.read_by_server(unique); }));
  world.kernel.interrupt(unique);
  EXPECT_EQ(-EINTR, world.kernel.wait(unique).error);
  EXPECT_TRUE(left_when_taken_back);
}

}  // namespace
}  // namespace fuse3::test
