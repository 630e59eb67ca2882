// Ending a thread that waits, and no other.
#include "session/waiting.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <random>

namespace fuse3 {
namespace {

bool is_long() {
  return std::getenv("FUSE_TEST_LONG") != nullptr;
}

void spin(unsigned turns) {
  std::atomic<unsigned> turn{0};
  while (turn.load(std::memory_order_relaxed) < turns) turn.fetch_add(1, std::memory_order_relaxed);
}

// A worker with waits that end at about the time at which it is cancelled.
struct Subject {
  Waiting waiting;
  std::atomic<bool> ready{false};
  std::atomic<bool> at_work{false};
  unsigned wait_turns = 0;
  bool outlived = false;

  static void* run(void* self) {
    static_cast<Subject*>(self)->work();
    return nullptr;
  }
  void work() {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
    while (!outlived) {
      waiting.begin();
      ready.store(true);
      spin(wait_turns);
      waiting.end();
      at_work.store(true);
      spin(2000);
      (void)::getppid();
      ::close(-1);  // a cancellation point
      at_work.store(false);
      outlived = waiting.outlived();
    }
  }
};

TEST(Waiting, NobodyIsCancelledAtWork) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "what the sanitizer adds to a function cannot be unwound from any instruction";
#endif
  std::minstd_rand random(1);
  int went_on = 0;
  const int rounds = is_long() ? 50'000 : 500;
  for (int round = 0; round < rounds; ++round) {
    Subject subject;
    subject.wait_turns = random() % 2000;
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, Subject::run, &subject), 0);
    while (!subject.ready.load()) sched_yield();
    spin(random() % 2000);
    while (!subject.waiting.cancel(thread)) sched_yield();
    void* result = nullptr;
    ASSERT_EQ(pthread_join(thread, &result), 0);
    ASSERT_FALSE(subject.at_work.load()) << "in round " << round;
    ASSERT_EQ(result == PTHREAD_CANCELED, !subject.outlived);
    went_on += subject.outlived;
  }
  RecordProperty("outlived", went_on);
}

}  // namespace
}  // namespace fuse3
