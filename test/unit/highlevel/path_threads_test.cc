// Many threads in one tree: every path that is held leads to where it says, until it is let go.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "highlevel/path_hold.h"

namespace fuse3 {
namespace {

// A stand-in for the filesystem: which directory is where, known independently of the tree. Moving
// a name that somebody relies on is the error that is looked for.
constexpr int kDirectories = 6;
constexpr int kFiles = 4;
constexpr int kThreads = 6;

class Storm {
 public:
  explicit Storm(int rounds) : rounds_(rounds) {
    for (int d = 0; d < kDirectories; ++d) {
      directories_.push_back(*tree_.look_up(tree_.root(), "d" + std::to_string(d)));
      for (int f = 0; f < kFiles; ++f) {
        files_.push_back(*tree_.look_up(*directories_.back(), "f" + std::to_string(f)));
      }
    }
  }

  void run() {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) threads.emplace_back([this, t] { work(t); });
    for (std::thread& thread : threads) thread.join();
  }

  void check_rest() {
    for (Node* node : directories_) EXPECT_EQ(node->holds, 0u);
    for (Node* node : files_) EXPECT_EQ(node->holds, 0u);
    for (Node* node : files_) tree_.forget(*node, 1);
    for (Node* node : directories_) tree_.forget(*node, 1);
    EXPECT_EQ(tree_.count(), 1u);
  }

 private:
  void work(int seed) {
    std::minstd_rand random(static_cast<unsigned>(seed + 1));
    for (int i = 0; i < rounds_; ++i) {
      switch (random() % 8) {
        case 0:
          rename_directory(random);
          break;
        case 1:
          rename_file(random);
          break;
        case 2:
          make_and_remove(random);
          break;
        default:
          use(random);
          break;
      }
    }
  }

  // The path stays what it was for as long as it is held.
  void use(std::minstd_rand& random) {
    Node& file = *files_[random() % files_.size()];
    PathHold hold(tree_);
    ASSERT_EQ(hold.take(file.index), 0);
    const std::string path = hold.path();
    if (random() % 4 == 0) std::this_thread::yield();
    std::string now;
    for (const Node* at = &file; at != &tree_.root(); at = at->parent) {
      now = "/" + std::string(at->name()) + now;
    }
    ASSERT_EQ(now, path);
  }

  void rename_directory(std::minstd_rand& random) {
    const std::string from = "d" + std::to_string(random() % kDirectories);
    const std::string to = "d" + std::to_string(random() % kDirectories);
    if (from == to) return;
    PathHold hold(tree_);
    ASSERT_EQ(hold.take_to_rename(1, from, 1, to), 0);
    ASSERT_TRUE(
        tree_.exchange(hold.victim(0), tree_.root(), from, hold.victim(1), tree_.root(), to));
  }

  void rename_file(std::minstd_rand& random) {
    Node& one = *directories_[random() % kDirectories];
    Node& two = *directories_[random() % kDirectories];
    const std::string name = "f" + std::to_string(random() % kFiles);
    const std::string other = "f" + std::to_string(random() % kFiles);
    PathHold hold(tree_);
    ASSERT_EQ(hold.take_to_rename(one.index, name, two.index, other), 0);
    if (hold.victim(1) == nullptr) return;
    ASSERT_TRUE(tree_.exchange(hold.victim(0), one, name, hold.victim(1), two, other));
  }

  void make_and_remove(std::minstd_rand& random) {
    Node& directory = *directories_[random() % kDirectories];
    const std::string name = "n" + std::to_string(random() % 3);
    Node* node;
    {
      PathHold hold(tree_);
      ASSERT_EQ(hold.take(directory.index, name), 0);
      node = *tree_.look_up(directory, name);
    }
    if (random() % 2 == 0) {
      PathHold hold(tree_);
      ASSERT_EQ(hold.take_to_remove(directory.index, name), 0);
      if (hold.victim() != nullptr) tree_.detach(*hold.victim());
    }
    tree_.forget(*node, 1);
  }

  const int rounds_;
  Tree tree_;
  std::vector<Node*> directories_;
  std::vector<Node*> files_;
};

TEST(PathThreads, EveryHeldPathStays) {
  Storm storm(20000);
  storm.run();
  if (!testing::Test::HasFailure()) storm.check_rest();
}

// Two renames whose targets lie in each other's source directory, again and again: none waits while
// it holds anything, so both come to an end.
TEST(PathThreads, CrosswiseRenamesEnd) {
  Tree tree;
  Node& a = **tree.look_up(tree.root(), "a");
  Node& b = **tree.look_up(tree.root(), "b");
  (void)*tree.look_up(a, "x");
  (void)*tree.look_up(b, "x");
  const auto swap = [&](Node& one, Node& two) {
    for (int i = 0; i < 20000; ++i) {
      PathHold hold(tree);
      ASSERT_EQ(hold.take_to_rename(one.index, "x", two.index, "x"), 0);
      ASSERT_TRUE(tree.exchange(hold.victim(0), one, "x", hold.victim(1), two, "x"));
    }
  };
  std::thread other([&] { swap(b, a); });
  swap(a, b);
  other.join();
}

// A file that is in use all the time can still be removed.
TEST(PathThreads, SteadyUseDoesNotKeepARemovalOut) {
  Tree tree;
  Node& d = **tree.look_up(tree.root(), "d");
  Node& f = **tree.look_up(d, "f");
  std::atomic<bool> removed{false};
  std::vector<std::thread> users;
  for (int t = 0; t < 3; ++t) {
    users.emplace_back([&] {
      for (int error = 0; error == 0;) {
        PathHold hold(tree);
        error = hold.take(f.index);
        if (error == 0) std::this_thread::yield();
      }
      EXPECT_TRUE(removed);
    });
  }
  {
    PathHold hold(tree);
    ASSERT_EQ(hold.take_to_remove(d.index, "f"), 0);
    removed = true;
    tree.detach(*hold.victim());
  }
  for (std::thread& user : users) user.join();
}

// All threads look the same names up and forget them: nothing is counted twice or lost.
TEST(PathThreads, LookupsAndForgetsBalance) {
  Tree tree;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      std::minstd_rand random(static_cast<unsigned>(t + 1));
      for (int i = 0; i < 30000; ++i) {
        Node& d = **tree.look_up(tree.root(), "d" + std::to_string(random() % 3));
        Node& f = **tree.look_up(d, "f" + std::to_string(random() % 3));
        tree.opened(f);
        tree.forget(f, 1);
        EXPECT_FALSE(tree.closed(f));
        tree.forget(d, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tree.count(), 1u);
}

}  // namespace
}  // namespace fuse3
