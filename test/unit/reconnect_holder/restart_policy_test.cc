#include "restart_policy.h"

#include <gtest/gtest.h>

namespace fuse3::keeper {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Time kStart = Time(seconds(1000));

milliseconds pause_after(RestartPolicy* policy, Time now, EndKind kind = EndKind::kKilled) {
  policy->ended(now, kind);
  return std::chrono::duration_cast<milliseconds>(policy->next_start() - now);
}

TEST(RestartPolicy, PausesGrow) {
  RestartPolicy policy(seconds(60));
  EXPECT_FALSE(policy.in_outage());
  for (int wanted : {0, 50, 100, 200, 400, 800, 1600, 2000, 2000}) {
    EXPECT_EQ(pause_after(&policy, kStart, EndKind::kFailed).count(), wanted);
  }
  for (int i = 0; i < 100; ++i) pause_after(&policy, kStart, EndKind::kFailed);
  EXPECT_EQ(pause_after(&policy, kStart, EndKind::kFailed).count(), 2000);
}

TEST(RestartPolicy, BeingKilledCostsNoLongPause) {
  RestartPolicy policy(seconds(60));
  EXPECT_EQ(pause_after(&policy, kStart).count(), 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pause_after(&policy, kStart).count(), 20);
}

TEST(RestartPolicy, AHealthyServerEndsTheOutage) {
  RestartPolicy policy(seconds(60));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(pause_after(&policy, kStart).count(), 0);
    policy.healthy();
  }
  EXPECT_FALSE(policy.deadline());
}

TEST(RestartPolicy, TheLimitCountsFromTheFirstEnd) {
  RestartPolicy policy(seconds(60));
  pause_after(&policy, kStart);
  pause_after(&policy, kStart + seconds(59));
  EXPECT_FALSE(policy.too_late(kStart + milliseconds(59999)));
  EXPECT_TRUE(policy.too_late(kStart + seconds(60)));
  policy.healthy();
  EXPECT_FALSE(policy.too_late(kStart + seconds(1000)));
}

TEST(RestartPolicy, ZeroIsNoLimit) {
  RestartPolicy policy(seconds(0));
  pause_after(&policy, kStart);
  EXPECT_FALSE(policy.too_late(kStart + seconds(1000000)));
}

TEST(RestartPolicy, TwelveFailedStartsAreEnough) {
  RestartPolicy policy(seconds(60));
  pause_after(&policy, kStart);
  for (int i = 0; i < 11; ++i) pause_after(&policy, kStart, EndKind::kFailed);
  EXPECT_FALSE(policy.too_many_failures());
  // Being killed proves nothing.
  for (int i = 0; i < 100; ++i) pause_after(&policy, kStart, EndKind::kKilled);
  EXPECT_FALSE(policy.too_many_failures());
  pause_after(&policy, kStart, EndKind::kFailed);
  EXPECT_TRUE(policy.too_many_failures());
}

TEST(RestartPolicy, ABackgroundStartGetsTimeToAppear) {
  RestartPolicy policy(seconds(60));
  EXPECT_EQ(pause_after(&policy, kStart, EndKind::kBackground).count(), 1000);
}

}  // namespace
}  // namespace fuse3::keeper
