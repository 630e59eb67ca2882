// How a pool finds out whether one worker had better read or all.
#include "session/reading_mode.h"

#include <gtest/gtest.h>

namespace fuse3 {
namespace {

constexpr uint64_t kTick = 2'000'000;  // ns
constexpr uint64_t kSecond = 1'000'000'000;

// Clients that are answered so many requests a tick, depending on who reads.
struct Clients {
  uint64_t with_one;
  uint64_t with_all;

  uint64_t pace(Reading reading) const { return reading == Reading::one ? with_one : with_all; }
};

class ReadingModeTest : public testing::Test {
 protected:
  Reading tick(const Clients& clients, bool several = true) {
    now_ = mode_.judge(kTick, clients.pace(now_), several);
    ++ticks_;
    if (now_ == Reading::all) ++ticks_all_;
    return now_;
  }
  // The share of the time for which all read.
  double share_of_all(const Clients& clients, uint64_t ns) {
    ticks_ = ticks_all_ = 0;
    for (uint64_t t = 0; t < ns; t += kTick) tick(clients);
    return static_cast<double>(ticks_all_) / static_cast<double>(ticks_);
  }

  ReadingMode mode_;
  Reading now_ = Reading::one;
  uint64_t ticks_ = 0;
  uint64_t ticks_all_ = 0;
};

TEST_F(ReadingModeTest, ASingleClientHasOneReader) {
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(Reading::one, tick({100, 1000}, false));
}

TEST_F(ReadingModeTest, AllReadWhereThatAnswersMore) {
  share_of_all({100, 300}, kSecond / 10);
  EXPECT_GT(share_of_all({100, 300}, 60 * kSecond), 0.97);
}

TEST_F(ReadingModeTest, OneReadsWhereThatAnswersMore) {
  EXPECT_LT(share_of_all({150, 100}, kSecond), 0.10);
  EXPECT_LT(share_of_all({150, 100}, 60 * kSecond), 0.01);
}

// What is equal may be chance, and is left as it is.
TEST_F(ReadingModeTest, ALittleMoreIsNoReason) {
  share_of_all({100, 110}, kSecond);
  EXPECT_LT(share_of_all({100, 110}, 60 * kSecond), 0.02);
}

TEST_F(ReadingModeTest, AnotherWorkloadIsNoticedSoon) {
  share_of_all({300, 200}, 20 * kSecond);  // trials are rare by now
  ASSERT_EQ(Reading::one, now_);
  EXPECT_GT(share_of_all({80, 250}, kSecond / 2), 0.7);
  share_of_all({80, 250}, 20 * kSecond);
  EXPECT_LT(share_of_all({150, 100}, kSecond / 2), 0.5);
}

// Slower everywhere says nothing about who should read.
TEST_F(ReadingModeTest, AnotherWorkloadIsTriedOnce) {
  share_of_all({300, 200}, 20 * kSecond);
  EXPECT_LT(share_of_all({30, 20}, kSecond), 0.12);
}

TEST_F(ReadingModeTest, TooFewRequestsAreNoMeasure) {
  EXPECT_EQ(0.0, share_of_all({0, 0}, 10 * kSecond));
  EXPECT_EQ(0.0, share_of_all({1, 1}, 10 * kSecond));
}

TEST_F(ReadingModeTest, PausesAreNoMeasure) {
  share_of_all({100, 300}, kSecond / 5);
  ASSERT_EQ(Reading::all, now_);
  for (int i = 0; i < 10'000; ++i) {
    now_ = mode_.judge(kTick, 0, i % 10 == 0);
    ASSERT_EQ(Reading::all, now_) << i;
  }
}

TEST_F(ReadingModeTest, WhatIsBestForSeveralIsKeptWhileOneIsAlone) {
  share_of_all({100, 300}, kSecond / 5);
  ASSERT_EQ(Reading::all, now_);
  // Taking turns on a processor is not being alone.
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Reading::all, tick({100, 300}, false));
  for (int i = 0; i < 100; ++i) tick({100, 300}, false);
  EXPECT_EQ(Reading::one, now_);
  EXPECT_EQ(Reading::all, tick({100, 300}));
}

}  // namespace
}  // namespace fuse3
