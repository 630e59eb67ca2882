// Paths of nodes, and who has to wait for whom.
#include "highlevel/path_hold.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>

namespace fuse3 {
namespace {

using namespace std::chrono_literals;

class Paths : public testing::Test {
 protected:
  Node& look_up(Node& parent, std::string_view name) { return **tree.look_up(parent, name); }
  // Runs `act` on a thread; the future says that it is over.
  template <class Fn>
  std::future<void> start(Fn fn) {
    return std::async(std::launch::async, fn);
  }
  static bool waits(std::future<void>& thread) {
    return thread.wait_for(50ms) == std::future_status::timeout;
  }

  Tree tree;
  Node& a = look_up(tree.root(), "a");
  Node& b = look_up(a, "b");
  Node& c = look_up(b, "c");
  Node& other = look_up(tree.root(), "other");
};

TEST_F(Paths, AreBuilt) {
  PathHold hold(tree);
  ASSERT_EQ(hold.take(1), 0);
  EXPECT_STREQ(hold.path(), "/");
  hold.release();
  ASSERT_EQ(hold.take(c.index), 0);
  EXPECT_STREQ(hold.path(), "/a/b/c");
  hold.release();
  ASSERT_EQ(hold.take(c.index, "new"), 0);
  EXPECT_STREQ(hold.path(), "/a/b/c/new");
  hold.release();
  ASSERT_EQ(hold.take(1, "new"), 0);
  EXPECT_STREQ(hold.path(), "/new");
}

TEST_F(Paths, GrowAsLongAsTheyAre) {
  Node* at = &tree.root();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string name(static_cast<size_t>(50 + 2 * i), 'n');
    at = &look_up(*at, name);
    expected += "/" + name;
  }
  PathHold hold(tree);
  ASSERT_EQ(hold.take(at->index), 0);
  EXPECT_EQ(hold.path(), expected);
}

TEST_F(Paths, OfWhatIsNotThere) {
  PathHold hold(tree);
  EXPECT_EQ(hold.take(999), -ESTALE);
  EXPECT_EQ(hold.take_to_rename(1, "a", 999, "x"), -ESTALE);
  ASSERT_EQ(hold.take_to_remove(1, "a"), 0);
  tree.detach(*hold.victim());
  hold.release();
  EXPECT_EQ(hold.take(a.index), -ENOENT);
  EXPECT_EQ(hold.take(c.index), -ENOENT);
  EXPECT_EQ(hold.take_to_remove(a.index, "b"), -ENOENT);
  ASSERT_EQ(hold.take(other.index), 0);  // nothing stayed shared
}

TEST_F(Paths, VictimThatTheTreeDoesNotKnowIsNone) {
  PathHold hold(tree);
  ASSERT_EQ(hold.take_to_remove(1, "unknown"), 0);
  EXPECT_EQ(hold.victim(), nullptr);
  EXPECT_STREQ(hold.path(), "/unknown");
}

TEST_F(Paths, AreSharedByAll) {
  PathHold one(tree);
  PathHold two(tree);
  ASSERT_EQ(one.take(c.index), 0);
  ASSERT_EQ(two.take(c.index), 0);
  PathHold three(tree);
  ASSERT_EQ(three.take_to_remove(b.index, "unknown"), 0);
}

TEST_F(Paths, RemovalWaitsForUsersOfWhatIsBelow) {
  PathHold user(tree);
  ASSERT_EQ(user.take(c.index), 0);
  auto removal = start([&] {
    PathHold hold(tree);
    EXPECT_EQ(hold.take_to_remove(1, "a"), 0);
  });
  EXPECT_TRUE(waits(removal));
  // What is beside it goes on.
  PathHold beside(tree);
  EXPECT_EQ(beside.take(other.index), 0);
  user.release();
  removal.get();
}

TEST_F(Paths, UsersWaitForRemovalAndSeeItsEffect) {
  PathHold removal(tree);
  ASSERT_EQ(removal.take_to_remove(a.index, "b"), 0);
  int seen = 0;
  auto user = start([&] {
    PathHold hold(tree);
    seen = hold.take(c.index);
  });
  EXPECT_TRUE(waits(user));
  tree.detach(*removal.victim());
  removal.release();
  user.get();
  EXPECT_EQ(seen, -ENOENT);
}

TEST_F(Paths, RenameIsSeenByThoseWhoWaited) {
  PathHold rename(tree);
  ASSERT_EQ(rename.take_to_rename(1, "a", other.index, "moved"), 0);
  EXPECT_STREQ(rename.path(0), "/a");
  EXPECT_STREQ(rename.path(1), "/other/moved");
  std::string seen;
  auto user = start([&] {
    PathHold hold(tree);
    EXPECT_EQ(hold.take(c.index), 0);
    seen = hold.path();
  });
  EXPECT_TRUE(waits(user));
  ASSERT_TRUE(tree.move(rename.victim(0), rename.node(1), "moved", rename.victim(1)));
  rename.release();
  user.get();
  EXPECT_EQ(seen, "/other/moved/b/c");
}

TEST_F(Paths, WhoComesAfterAWaitingMoverWaitsForIt) {
  PathHold first(tree);
  ASSERT_EQ(first.take(c.index), 0);
  auto removal = start([&] {
    PathHold hold(tree);
    ASSERT_EQ(hold.take_to_remove(1, "a"), 0);
    tree.detach(*hold.victim());
  });
  ASSERT_TRUE(waits(removal));
  auto late = start([&] {
    PathHold hold(tree);
    EXPECT_EQ(hold.take(c.index), -ENOENT);
  });
  EXPECT_TRUE(waits(late));
  first.release();
  removal.get();
  late.get();
}

TEST_F(Paths, OneNameTwiceIsOwnedOnce) {
  PathHold hold(tree);
  ASSERT_EQ(hold.take_to_rename(1, "a", 1, "a"), 0);
  EXPECT_EQ(hold.victim(0), &a);
  EXPECT_EQ(hold.victim(1), nullptr);
  hold.release();
  EXPECT_EQ(a.holds, 0u);
  ASSERT_EQ(hold.take(c.index), 0);
}

TEST_F(Paths, WhatWouldWaitForItselfIsRefused) {
  PathHold hold(tree);
  EXPECT_EQ(hold.take_to_rename(1, "a", b.index, "x"), -EINVAL);
  EXPECT_EQ(hold.take_to_rename(b.index, "c", 1, "a"), -EINVAL);
  EXPECT_EQ(a.holds, 0u);
  EXPECT_EQ(c.holds, 0u);
  ASSERT_EQ(hold.take_to_remove(1, "a"), 0);
}

TEST_F(Paths, TwoAtOnce) {
  PathHold hold(tree);
  ASSERT_EQ(hold.take_two(c.index, other.index, "l"), 0);
  EXPECT_STREQ(hold.path(0), "/a/b/c");
  EXPECT_STREQ(hold.path(1), "/other/l");
  hold.release();
  ASSERT_EQ(hold.take_two(c.index, c.index, {}), 0);
  EXPECT_STREQ(hold.path(1), "/a/b/c");
}

}  // namespace
}  // namespace fuse3
