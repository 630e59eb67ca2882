#include "reconnect/lock_conflicts.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

namespace fuse3::reconnect {
namespace {

Lock lock(uint64_t owner, uint32_t type, uint64_t start, uint64_t end, uint64_t stamp) {
  Lock made;
  made.owner = owner;
  made.type = type;
  made.start = start;
  made.end = end;
  made.stamp = stamp;
  return made;
}

std::string text_of(std::vector<Lock> locks) {
  std::sort(locks.begin(), locks.end(), [](const Lock& a, const Lock& b) {
    return std::pair(a.owner, a.start) < std::pair(b.owner, b.start);
  });
  std::string text;
  for (const Lock& each : locks) {
    text += std::to_string(each.owner) + (each.type == F_WRLCK ? "W" : "R") +
            std::to_string(each.start) + "-" + std::to_string(each.end) + " ";
  }
  return text;
}

TEST(LockConflicts, WhatDoesNotConflictStays) {
  EXPECT_EQ(text_of(without_superseded({})), "");
  EXPECT_EQ(text_of(without_superseded({lock(1, F_RDLCK, 0, 9, 1), lock(2, F_RDLCK, 5, 20, 2),
                                        lock(3, F_WRLCK, 21, 30, 3)})),
            "1R0-9 2R5-20 3W21-30 ");
  Lock flock = lock(2, F_WRLCK, 0, 9, 2);
  flock.kind = LockKind::whole_file;
  EXPECT_EQ(text_of(without_superseded({lock(1, F_WRLCK, 0, 9, 1), flock})), "1W0-9 2W0-9 ");
}

TEST(LockConflicts, TheLaterOneIsTheTrueOne) {
  EXPECT_EQ(text_of(without_superseded({lock(1, F_WRLCK, 0, 9, 1), lock(2, F_WRLCK, 0, 9, 2)})),
            "2W0-9 ");
  EXPECT_EQ(text_of(without_superseded({lock(1, F_WRLCK, 0, 99, 1), lock(2, F_WRLCK, 40, 59, 2)})),
            "1W0-39 1W60-99 2W40-59 ");
  EXPECT_EQ(text_of(without_superseded({lock(1, F_RDLCK, 0, 9, 3), lock(2, F_WRLCK, 5, 9, 2)})),
            "1R0-9 2R5-9 ");
}

TEST(LockConflicts, ALaterSharedOneMeansThatTheEarlierBecameShared) {
  EXPECT_EQ(text_of(without_superseded({lock(1, F_WRLCK, 0, 99, 1), lock(2, F_RDLCK, 90, 120, 2)})),
            "1W0-89 1R90-99 2R90-120 ");
}

// Byte by byte: the latest lock of another owner that excludes it decides.
TEST(LockConflicts, IsWhatANaiveModelSays) {
  const char* given = std::getenv("FUSE3_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  SCOPED_TRACE("FUSE3_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 3000; ++round) {
    std::vector<Lock> locks;
    for (uint64_t i = 0, n = random() % 7; i < n; ++i) {
      const uint64_t start = random() % 12;
      locks.push_back(
          lock(1 + i, static_cast<uint32_t>(random() % 2), start, start + random() % 8, 1 + i));
    }
    std::map<std::pair<uint64_t, uint64_t>, uint32_t> expected, got;
    for (const Lock& mine : locks) {
      for (uint64_t byte = mine.start; byte <= mine.end; ++byte) {
        bool gone = false, shared = mine.type == F_RDLCK;
        for (const Lock& later : locks) {
          if (later.stamp <= mine.stamp || byte < later.start || byte > later.end) continue;
          gone |= later.type == F_WRLCK;
          shared = true;
        }
        if (!gone) expected[{mine.owner, byte}] = shared ? F_RDLCK : F_WRLCK;
      }
    }
    std::shuffle(locks.begin(), locks.end(), random);
    for (const Lock& held : without_superseded(locks)) {
      for (uint64_t byte = held.start; byte <= held.end; ++byte) {
        EXPECT_TRUE((got.insert({{held.owner, byte}, held.type}).second));
      }
    }
    ASSERT_EQ(got, expected) << text_of(locks);
  }
}

}  // namespace
}  // namespace fuse3::reconnect
