// The tree: what the kernel was told of stays, what it has forgotten goes, and names move.
#include "highlevel/tree.h"

#include <gtest/gtest.h>

#include <string>

namespace fuse3 {
namespace {

Node& look_up(Tree& tree, Node& parent, std::string_view name) {
  const auto node = tree.look_up(parent, name);
  EXPECT_TRUE(node);
  return **node;
}

bool knows(Tree& tree, Node& parent, std::string_view name) {
  Node* node = tree.hold_child(parent, name);
  if (node != nullptr) tree.release(*node);
  return node != nullptr;
}

TEST(Tree, RootIsNumberOne) {
  Tree tree;
  EXPECT_EQ(tree.find(1), &tree.root());
  EXPECT_EQ(tree.find(0), nullptr);
  EXPECT_EQ(tree.find(2), nullptr);
  EXPECT_EQ(tree.find(UINT64_MAX), nullptr);
}

TEST(Tree, OneNameIsOneNode) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  EXPECT_EQ(&look_up(tree, tree.root(), "a"), &a);
  EXPECT_NE(&look_up(tree, a, "a"), &a);
  EXPECT_EQ(a.lookups, 2u);
}

TEST(Tree, ForgettingAllLookupsFrees) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  const uint64_t number = a.index;
  look_up(tree, tree.root(), "a");
  tree.forget(a, 1);
  EXPECT_EQ(tree.find(number), &a);
  tree.forget(a, 1);
  EXPECT_EQ(tree.find(number), nullptr);
  EXPECT_FALSE(knows(tree, tree.root(), "a"));
  EXPECT_EQ(tree.count(), 1u);
}

TEST(Tree, ForgettingMoreThanThereWasIsForgettingAll) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  tree.forget(a, 7);
  EXPECT_EQ(tree.count(), 1u);
  tree.forget(tree.root(), UINT64_MAX);
  EXPECT_EQ(tree.find(1), &tree.root());
}

TEST(Tree, DirectoryStaysForItsChildren) {
  Tree tree;
  Node& d = look_up(tree, tree.root(), "d");
  Node& f = look_up(tree, d, "f");
  const uint64_t number = d.index;
  tree.forget(d, 1);
  EXPECT_EQ(tree.find(number), &d);
  tree.forget(f, 1);
  EXPECT_EQ(tree.find(number), nullptr);
  EXPECT_EQ(tree.count(), 1u);
}

TEST(Tree, OpenFileStaysWithoutLookups) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  tree.opened(a);
  tree.forget(a, 1);
  EXPECT_TRUE(knows(tree, tree.root(), "a"));
  EXPECT_FALSE(tree.closed(a));
  EXPECT_FALSE(knows(tree, tree.root(), "a"));
}

TEST(Tree, NumbersComeBackWithAnotherGeneration) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  const uint32_t number = a.index;
  const uint32_t generation = a.reuse;
  tree.forget(a, 1);
  Node& b = look_up(tree, tree.root(), "b");
  EXPECT_EQ(b.index, number);
  EXPECT_NE(b.reuse, generation);
}

TEST(Tree, ManyNodesOfEveryLength) {
  Tree tree;
  std::vector<Node*> nodes;
  const auto name_of = [](int i) {
    return std::string(static_cast<size_t>(i % 300), 'x') + std::to_string(i);
  };
  for (int i = 0; i < 20000; ++i) nodes.push_back(&look_up(tree, tree.root(), name_of(i)));
  for (int i = 0; i < 20000; ++i) {
    ASSERT_EQ(nodes[static_cast<size_t>(i)]->name(), name_of(i));
    ASSERT_EQ(&look_up(tree, tree.root(), name_of(i)), nodes[static_cast<size_t>(i)]);
    ASSERT_EQ(tree.find(nodes[static_cast<size_t>(i)]->index), nodes[static_cast<size_t>(i)]);
  }
  for (Node* node : nodes) tree.forget(*node, 2);
  EXPECT_EQ(tree.count(), 1u);
}

TEST(Tree, DetachedNodeHasNoName) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  ASSERT_TRUE(a.place.own());
  tree.detach(a);
  a.place.disown();
  EXPECT_FALSE(knows(tree, tree.root(), "a"));
  EXPECT_EQ(tree.find(a.index), &a);
  EXPECT_EQ(tree.root().children, 0u);
  tree.forget(a, 1);
  EXPECT_EQ(tree.count(), 1u);
}

TEST(Tree, MoveTakesTheSubtreeAlong) {
  Tree tree;
  Node& from = look_up(tree, tree.root(), "from");
  Node& to = look_up(tree, tree.root(), "to");
  Node& f = look_up(tree, from, "f");
  ASSERT_TRUE(from.place.own());
  ASSERT_TRUE(tree.move(&from, to, std::string(200, 'n'), nullptr));
  from.place.disown();
  EXPECT_FALSE(knows(tree, tree.root(), "from"));
  EXPECT_TRUE(knows(tree, to, std::string(200, 'n')));
  EXPECT_EQ(f.parent, &from);
  EXPECT_EQ(from.parent, &to);
  EXPECT_EQ(tree.root().children, 1u);
  EXPECT_EQ(to.children, 1u);
}

TEST(Tree, MoveOverAnotherTakesItsName) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  Node& b = look_up(tree, tree.root(), "b");
  ASSERT_TRUE(a.place.own() && b.place.own());
  ASSERT_TRUE(tree.move(&a, tree.root(), "b", &b));
  a.place.disown();
  b.place.disown();
  EXPECT_EQ(&look_up(tree, tree.root(), "b"), &a);
  EXPECT_EQ(b.parent, nullptr);
  EXPECT_EQ(tree.root().children, 1u);
}

TEST(Tree, SourceThatTheTreeDoesNotKnowStillReplaces) {
  Tree tree;
  Node& b = look_up(tree, tree.root(), "b");
  ASSERT_TRUE(b.place.own());
  ASSERT_TRUE(tree.move(nullptr, tree.root(), "b", &b));
  b.place.disown();
  EXPECT_FALSE(knows(tree, tree.root(), "b"));
}

TEST(Tree, ExchangeSwapsNames) {
  Tree tree;
  Node& d = look_up(tree, tree.root(), "d");
  Node& a = look_up(tree, tree.root(), "a");
  Node& b = look_up(tree, d, "b");
  ASSERT_TRUE(a.place.own() && b.place.own());
  ASSERT_TRUE(tree.exchange(&a, tree.root(), "a", &b, d, "b"));
  a.place.disown();
  b.place.disown();
  EXPECT_EQ(&look_up(tree, tree.root(), "a"), &b);
  EXPECT_EQ(&look_up(tree, d, "b"), &a);
}

TEST(Tree, LastCloseOfHiddenFileIsToldOnce) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  tree.opened(a);
  tree.opened(a);
  ASSERT_TRUE(a.place.own());
  ASSERT_TRUE(tree.move(&a, tree.root(), ".fuse_hidden1", nullptr, true));
  a.place.disown();
  tree.forget(a, 1);
  EXPECT_FALSE(tree.closed(a));
  EXPECT_TRUE(tree.closed(a));
  EXPECT_TRUE(knows(tree, tree.root(), ".fuse_hidden1"));  // for the removal
  tree.release(a);
  EXPECT_EQ(tree.count(), 1u);
}

TEST(Tree, RenamingHiddenFileByHandMakesItAnOrdinaryOne) {
  Tree tree;
  Node& a = look_up(tree, tree.root(), "a");
  tree.opened(a);
  ASSERT_TRUE(tree.move(&a, tree.root(), ".fuse_hidden1", nullptr, true));
  ASSERT_TRUE(tree.move(&a, tree.root(), "rescued", nullptr));
  EXPECT_FALSE(tree.closed(a));
}

TEST(Tree, RemembersForAWhile) {
  Tree tree;
  tree.set_remember(10);
  Node& a = look_up(tree, tree.root(), "a");
  Node& b = look_up(tree, tree.root(), "b");
  tree.forget(a, 1);
  tree.forget(b, 1);
  EXPECT_EQ(&look_up(tree, tree.root(), "a"), &a);  // remembered no more, but known
  timespec now = b.forgotten;
  now.tv_sec += 4;
  EXPECT_EQ(tree.clean(now), 6);
  EXPECT_TRUE(knows(tree, tree.root(), "b"));
  now.tv_sec += 6;
  EXPECT_EQ(tree.clean(now), 10);
  EXPECT_FALSE(knows(tree, tree.root(), "b"));
  EXPECT_TRUE(knows(tree, tree.root(), "a"));
}

TEST(Tree, NeverForgetsIfToldSo) {
  Tree tree;
  tree.set_remember(Tree::kForgetNever);
  Node& a = look_up(tree, tree.root(), "a");
  tree.forget(a, 1);
  EXPECT_EQ(&look_up(tree, tree.root(), "a"), &a);
  tree.forget(a, 1);
  ASSERT_TRUE(a.place.own());
  Node* held = tree.hold_child(tree.root(), "a");
  tree.detach(a);
  a.place.disown();
  tree.release(*held);  // but nobody can ask for what has no name
  EXPECT_EQ(tree.count(), 1u);
}

TEST(Tree, WalksPaths) {
  Tree tree;
  Node& d = look_up(tree, tree.root(), "d");
  Node& f = look_up(tree, d, "f");
  for (const char* path : {"/d/f", "d/f", "//d//f/"}) {
    Node* found = tree.walk(path);
    ASSERT_EQ(found, &f) << path;
    tree.release(*found);
  }
  EXPECT_EQ(tree.walk("/d/g"), nullptr);
  Node* root = tree.walk("/");
  EXPECT_EQ(root, &tree.root());
  tree.release(*root);
  EXPECT_EQ(d.holds, 0u);
}

}  // namespace
}  // namespace fuse3
