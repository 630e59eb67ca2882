// POSIX locks on one file, by owner and range.
#include "highlevel/file_locks.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <limits>

namespace fuse3 {
namespace {

FileLocks::Lock lock(short type, off_t start, off_t end, uint64_t owner) {
  return {start, end, type, 100, owner};
}

TEST(FileLocks, WritersExcludeEverybodyElse) {
  FileLocks locks;
  locks.set(lock(F_WRLCK, 0, 9, 1));
  EXPECT_TRUE(locks.conflict(lock(F_RDLCK, 9, 20, 2)));
  EXPECT_TRUE(locks.conflict(lock(F_WRLCK, 0, 0, 2)));
  EXPECT_FALSE(locks.conflict(lock(F_WRLCK, 10, 20, 2)));
  EXPECT_FALSE(locks.conflict(lock(F_WRLCK, 0, 9, 1)));
}

TEST(FileLocks, ReadersShare) {
  FileLocks locks;
  locks.set(lock(F_RDLCK, 0, 9, 1));
  EXPECT_FALSE(locks.conflict(lock(F_RDLCK, 0, 9, 2)));
  EXPECT_TRUE(locks.conflict(lock(F_WRLCK, 5, 5, 2)));
}

TEST(FileLocks, UnlockingTheMiddleLeavesBothEnds) {
  FileLocks locks;
  locks.set(lock(F_WRLCK, 0, 99, 1));
  locks.set(lock(F_UNLCK, 40, 59, 1));
  EXPECT_TRUE(locks.conflict(lock(F_RDLCK, 39, 39, 2)));
  EXPECT_FALSE(locks.conflict(lock(F_WRLCK, 40, 59, 2)));
  EXPECT_TRUE(locks.conflict(lock(F_RDLCK, 60, 60, 2)));
}

TEST(FileLocks, AnotherTypeReplacesTheOldOne) {
  FileLocks locks;
  locks.set(lock(F_WRLCK, 0, 99, 1));
  locks.set(lock(F_RDLCK, 10, 19, 1));
  EXPECT_FALSE(locks.conflict(lock(F_RDLCK, 10, 19, 2)));
  EXPECT_TRUE(locks.conflict(lock(F_RDLCK, 9, 9, 2)));
  EXPECT_TRUE(locks.conflict(lock(F_RDLCK, 20, 20, 2)));
}

TEST(FileLocks, NeighboursBecomeOne) {
  FileLocks locks;
  locks.set(lock(F_WRLCK, 0, 9, 1));
  locks.set(lock(F_WRLCK, 10, 19, 1));
  const auto found = locks.conflict(lock(F_RDLCK, 5, 5, 2));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->start, 0);
  EXPECT_EQ(found->end, 19);
}

TEST(FileLocks, UnlockingAllLeavesNothing) {
  FileLocks locks;
  locks.set(lock(F_WRLCK, 0, 9, 1));
  locks.set(lock(F_RDLCK, 50, 60, 1));
  locks.set(lock(F_RDLCK, 50, 60, 2));
  struct flock all {};
  all.l_type = F_UNLCK;
  locks.set(FileLocks::from(all, 1));
  EXPECT_FALSE(locks.conflict(lock(F_WRLCK, 0, 9, 3)));
  EXPECT_TRUE(locks.conflict(lock(F_WRLCK, 50, 50, 3)));
  locks.set(FileLocks::from(all, 2));
  EXPECT_TRUE(locks.empty());
}

TEST(FileLocks, ToTheEndOfTheFileAndBack) {
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_start = 10;
  wanted.l_pid = 42;
  const FileLocks::Lock whole = FileLocks::from(wanted, 1);
  EXPECT_EQ(whole.end, std::numeric_limits<off_t>::max());
  const struct flock back = FileLocks::to(whole);
  EXPECT_EQ(back.l_len, 0);
  EXPECT_EQ(back.l_start, 10);
  EXPECT_EQ(back.l_pid, 42);
  EXPECT_EQ(back.l_type, F_WRLCK);
}

}  // namespace
}  // namespace fuse3
