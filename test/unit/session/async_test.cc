// Answers that do not come from within the operation.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <random>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

const Bytes kRead = body(wire::ReadIn{});

TEST(SessionAsync, AnotherThreadAnswersAfterTheReturn) {
  fuse_req_t held = nullptr;
  World world({.read = [&](fuse_req_t req, auto...) { held = req; }});
  world.init();
  const uint64_t unique = world.kernel.submit(Opcode::read, 1, kRead);
  world.pump();
  EXPECT_FALSE(world.kernel.answered(unique));
  std::thread([&] { EXPECT_EQ(0, fuse_reply_buf(held, "late", 4)); }).join();
  EXPECT_EQ("late", world.kernel.wait(unique).text());
}

TEST(SessionAsync, AnotherThreadAnswersBeforeTheReturn) {
  World world({.read = [&](fuse_req_t req, auto...) {
    std::thread([req] { EXPECT_EQ(0, fuse_reply_buf(req, "early", 5)); }).join();
  }});
  world.init();
  for (int i = 0; i < 10; ++i) EXPECT_EQ("early", world.call(Opcode::read, 1, kRead).text());
}

TEST(SessionAsync, ManyAreOutstanding) {
  constexpr size_t kCount = 2000;
  std::vector<fuse_req_t> held;
  World world({.readlink = [](fuse_req_t req, auto...) { fuse_reply_readlink(req, "x"); },
               .read = [&](fuse_req_t req, auto...) { held.push_back(req); }});
  world.init();
  for (int round = 0; round < 3; ++round) {
    held.clear();
    std::vector<uint64_t> uniques;
    for (size_t i = 0; i < kCount; ++i) {
      uniques.push_back(world.kernel.submit(Opcode::read, 1, kRead));
    }
    world.pump();
    ASSERT_EQ(kCount, held.size());
    EXPECT_EQ(kCount, world.kernel.outstanding());
    EXPECT_EQ(kCount, std::set<fuse_req_t>(held.begin(), held.end()).size());
    EXPECT_EQ("x", world.call(Opcode::readlink, 1).text());
    std::vector<size_t> order(kCount);
    for (size_t i = 0; i < kCount; ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(round)));
    for (const size_t i : order) {
      const std::string text = std::to_string(i);
      EXPECT_EQ(0, fuse_reply_buf(held[i], text.data(), text.size()));
    }
    for (size_t i = 0; i < kCount; ++i) {
      EXPECT_EQ(std::to_string(i), world.kernel.wait(uniques[i]).text());
    }
    EXPECT_EQ(0u, world.kernel.outstanding());
  }
}

TEST(SessionAsync, RequestsAreReused) {
  std::set<fuse_req_t> objects;
  World world({.read = [&](fuse_req_t req, auto...) {
    objects.insert(req);
    fuse_reply_err(req, 0);
  }});
  world.init();
  for (int i = 0; i < 1000; ++i) world.call(Opcode::read, 1, kRead);
  EXPECT_EQ(1u, objects.size());
}

TEST(SessionAsync, UnansweredRequestsEndWithTheSession) {
  World world({.read = [](auto...) {}});
  world.init();
  for (int i = 0; i < 10; ++i) world.kernel.submit(Opcode::read, 1, kRead);
  world.pump();
  EXPECT_EQ(10u, world.kernel.outstanding());
}

// A filesystem with threads of its own: some of them answer while the operation still runs, some
// long after, and applications lose patience at any time.
class Answering {
 public:
  explicit Answering(int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { run(static_cast<unsigned>(i)); });
    }
  }
  ~Answering() {
    {
      std::lock_guard guard(lock_);
      ending_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  void take(fuse_req_t req, fuse_ino_t ino) {
    std::lock_guard guard(lock_);
    waiting_.emplace_back(req, ino);
    changed_.notify_one();
  }

 private:
  void run(unsigned seed) {
    std::mt19937 random(seed);
    std::unique_lock guard(lock_);
    while (true) {
      changed_.wait(guard, [&] { return ending_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const size_t which = random() % waiting_.size();
      std::swap(waiting_[which], waiting_.back());
      const auto [req, ino] = waiting_.back();
      waiting_.pop_back();
      guard.unlock();
      (void)fuse_req_interrupted(req);
      const std::string text = std::to_string(ino);
      fuse_reply_buf(req, text.data(), text.size());
      guard.lock();
    }
  }

  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<std::pair<fuse_req_t, fuse_ino_t>> waiting_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

TEST(SessionAsync, FromManyThreadsAtOnce) {
  Watchdog watchdog;
  std::unique_ptr<Answering> answering;
  std::atomic<int> interrupts{0};
  World world({.forget = [](fuse_req_t req, auto...) { fuse_reply_none(req); },
               .read =
                   [&](fuse_req_t req, fuse_ino_t ino, auto...) {
                     fuse_req_interrupt_func(
                         req,
                         [](fuse_req_t, void* data) { ++*static_cast<std::atomic<int>*>(data); },
                         &interrupts);
                     answering->take(req, ino);
                     if (ino % 3 == 0) std::this_thread::yield();
                   }});
  answering = std::make_unique<Answering>(3);
  world.serve_with(6);
  world.init();
  std::vector<std::thread> applications;
  for (uint64_t a = 0; a < 4; ++a) {
    applications.emplace_back([&world, a] {
      for (uint64_t i = 0; i < 300; ++i) {
        const uint64_t ino = a * 1000 + i;
        const uint64_t unique = world.kernel.submit(Opcode::read, ino, kRead);
        if (i % 5 == 0) world.kernel.interrupt(unique);
        if (i % 7 == 0) world.tell(Opcode::forget, ino, body(wire::ForgetIn{1}));
        EXPECT_EQ(std::to_string(ino), world.kernel.wait(unique).text());
      }
    });
  }
  for (std::thread& application : applications) application.join();
  EXPECT_EQ(0, world.end());
  answering.reset();
  EXPECT_EQ(0u, world.kernel.outstanding());
}

}  // namespace
}  // namespace fuse3::test
