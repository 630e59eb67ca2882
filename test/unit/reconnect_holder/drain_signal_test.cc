// The signal by which systemd asks a server to leave.
#include "reconnect/holder/drain_signal.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <semaphore>
#include <vector>

namespace fuse3::reconnect::test {
namespace {

const int kSignal = SIGRTMIN + 7;

struct Asked {
  std::counting_semaphore<> times{0};
  std::unique_ptr<DrainSignal> watch;

  bool start() {
    auto made = DrainSignal::watch([this] { times.release(); });
    if (!made) return false;
    watch = *std::move(made);
    return true;
  }
  bool was() { return times.try_acquire_for(std::chrono::seconds(20)); }
};

class DrainSignalTest : public testing::Test {
 protected:
  void SetUp() override { ::signal(kSignal, SIG_DFL); }
  void TearDown() override { ::signal(kSignal, SIG_DFL); }
};

TEST_F(DrainSignalTest, EachMountIsAskedEachTime) {
  Asked one, other;
  ASSERT_TRUE(one.start() && other.start());
  for (int i = 0; i < 3; ++i) {
    ::raise(kSignal);
    EXPECT_TRUE(one.was() && other.was());
  }
  other.watch.reset();
  ::raise(kSignal);
  EXPECT_TRUE(one.was());
  EXPECT_FALSE(other.times.try_acquire());
}

TEST_F(DrainSignalTest, ASignalThatNobodyWaitsForIsNotKept) {
  Asked before, after;
  ASSERT_TRUE(before.start());
  before.watch.reset();
  ::raise(kSignal);
  ASSERT_TRUE(after.start());
  ::raise(kSignal);
  EXPECT_TRUE(after.was());
  after.watch.reset();
  EXPECT_FALSE(after.times.try_acquire());
  EXPECT_FALSE(before.times.try_acquire());
}

TEST_F(DrainSignalTest, AHandlerOfTheProgramStays) {
  static volatile sig_atomic_t seen = 0;
  ::signal(kSignal, [](int) { seen = 1; });
  Asked asked;
  ASSERT_TRUE(asked.start());
  ::raise(kSignal);
  EXPECT_EQ(seen, 1);
  asked.watch.reset();
  EXPECT_FALSE(asked.times.try_acquire());
}

TEST_F(DrainSignalTest, MoreMountsThanCanBeAskedAreToldSo) {
  std::vector<std::unique_ptr<DrainSignal>> watches;
  for (;;) {
    auto made = DrainSignal::watch([] {});
    if (!made) {
      EXPECT_EQ(made.error(), EMFILE);
      break;
    }
    watches.push_back(*std::move(made));
    ASSERT_LT(watches.size(), 1000u);
  }
  EXPECT_GE(watches.size(), 8u);
  watches.pop_back();
  EXPECT_TRUE(DrainSignal::watch([] {}).ok());
}

}  // namespace
}  // namespace fuse3::reconnect::test
