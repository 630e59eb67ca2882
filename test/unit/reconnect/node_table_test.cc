#include <limits>

#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

class NodeTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    state_ = new_state();
    ASSERT_NE(state_, nullptr);
    slot_ = take_slot(*state_);
  }
  void TearDown() override {
    if (state_) expect_sound(*state_);
  }

  NodeTable& nodes() { return state_->nodes(); }

  NodeId look_up(NodeId parent, std::string_view name, uint64_t fs_ino, const Identity& identity,
                 Fresh fresh = Fresh::no) {
    auto granted =
        nodes().grant(slot_, parent, name, fs_ino, 0, identity, SlotPublish::none(), fresh);
    EXPECT_TRUE(granted.ok()) << granted.error();
    return granted ? granted->id : NodeId{};
  }
  FsForget forget(NodeId id, uint64_t n) {
    auto tell = nodes().forget(slot_, id, n, SlotPublish::none());
    EXPECT_TRUE(tell.ok());
    return tell ? *tell : FsForget{};
  }
  uint64_t kernel_count(NodeId id) {
    auto ref = nodes().find(id);
    return ref ? nodes().kernel_count(ref->index) : 0;
  }
  bool known(NodeId id) { return nodes().find(id).ok(); }

  // The server dies, and a successor comes.
  void die() {
    std::string why;
    auto next = succeed(copy_of(*state_), &why);
    ASSERT_NE(next, nullptr) << why;
    state_ = std::move(next);
    slot_ = take_slot(*state_);
    expect_sound(*state_);
  }

  std::unique_ptr<State> state_;
  Slot slot_;
};

TEST_F(NodeTableTest, RootIsThereAndBound) {
  auto root = nodes().find(kRootNode);
  ASSERT_TRUE(root.ok());
  EXPECT_TRUE(nodes().bound(root->index));
  EXPECT_EQ(nodes().fs_ino(root->index), 1u);
  EXPECT_EQ(nodes().count(), 1u);
  EXPECT_EQ(nodes().path(root->index), "/");
  EXPECT_EQ(forget(kRootNode, 100).count, 0u);
  EXPECT_TRUE(known(kRootNode));
}

TEST_F(NodeTableTest, SameInodeIsSameNode) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  EXPECT_EQ(look_up(kRootNode, "a", 100, file(5)), a);
  EXPECT_EQ(kernel_count(a), 2u);
  EXPECT_EQ(nodes().node_id_of_fs_ino(100), a);
  EXPECT_EQ(nodes().node_id_of_fs_ino(101), std::nullopt);
  EXPECT_EQ(nodes().count(), 2u);
}

TEST_F(NodeTableTest, ForgottenIdIsNotGivenAgain) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  const FsForget tell = forget(a, 1);
  EXPECT_EQ(tell.fs_ino, 100u);
  EXPECT_EQ(tell.count, 1u);
  EXPECT_FALSE(known(a));
  const NodeId b = look_up(kRootNode, "a", 100, file(5));
  EXPECT_NE(a, b);
  EXPECT_EQ(static_cast<uint32_t>(a.value), static_cast<uint32_t>(b.value));
  EXPECT_FALSE(known(a));
}

TEST_F(NodeTableTest, IdsThatNeverWere) {
  for (uint64_t id : {uint64_t{0}, uint64_t{2}, uint64_t{4095}, uint64_t{4096},
                      uint64_t{1} << 32 | 1, std::numeric_limits<uint64_t>::max()}) {
    EXPECT_EQ(nodes().find(NodeId{id}).error(), ESTALE) << id;
    EXPECT_EQ(forget(NodeId{id}, 1).count, 0u);
  }
}

TEST_F(NodeTableTest, EdgeMovesToTheNewFile) {
  const NodeId a = look_up(kRootNode, "n", 100, file(5));
  const NodeId b = look_up(kRootNode, "n", 101, file(6));
  EXPECT_NE(a, b);
  EXPECT_TRUE(edges_of(*state_, a).empty());
  EXPECT_EQ(nodes().find_edge(kRootNode, "n"), b);
  EXPECT_TRUE(known(a));
}

TEST_F(NodeTableTest, HardLinksAreEdgesOfOneNode) {
  const NodeId a = look_up(kRootNode, "one", 100, file(5));
  const std::string long_name(255, 'x');
  EXPECT_EQ(look_up(kRootNode, "two", 100, file(5)), a);
  EXPECT_EQ(look_up(kRootNode, long_name, 100, file(5)), a);
  EXPECT_EQ(edges_of(*state_, a), (Edges{{1, "one"}, {1, "two"}, {1, long_name}}));
  ASSERT_TRUE(nodes().remove_edge(slot_, kRootNode, "one", SlotPublish::none()).ok());
  ASSERT_TRUE(nodes().remove_edge(slot_, kRootNode, long_name, SlotPublish::none()).ok());
  EXPECT_EQ(edges_of(*state_, a), (Edges{{1, "two"}}));
  expect_sound(*state_);
  EXPECT_EQ(forget(a, 3).count, 3u);
  EXPECT_FALSE(known(a));
}

TEST_F(NodeTableTest, DirectoryHasOneName) {
  const NodeId d = look_up(kRootNode, "d", 100, folder(5));
  EXPECT_EQ(look_up(kRootNode, "e", 100, folder(5)), d);
  EXPECT_EQ(edges_of(*state_, d), (Edges{{1, "e"}}));
}

TEST_F(NodeTableTest, NoCircleOfDirectories) {
  const NodeId a = look_up(kRootNode, "a", 100, folder(5));
  const NodeId b = look_up(a, "b", 101, folder(6));
  EXPECT_EQ(look_up(b, "a", 100, folder(5)), a);
  EXPECT_EQ(look_up(a, "self", 100, folder(5)), a);
  EXPECT_EQ(edges_of(*state_, a), (Edges{{1, "a"}}));
  ASSERT_TRUE(nodes().move_edge(slot_, kRootNode, "a", b, "x", SlotPublish::none()).ok());
  EXPECT_TRUE(edges_of(*state_, a).empty());
}

TEST_F(NodeTableTest, DirectoryStaysForItsChildren) {
  const NodeId d = look_up(kRootNode, "d", 100, folder(5));
  const NodeId e = look_up(d, "e", 101, folder(6));
  const NodeId f = look_up(e, "f", 102, file(7));
  EXPECT_EQ(forget(d, 1).count, 1u);
  EXPECT_EQ(forget(e, 1).count, 1u);
  EXPECT_TRUE(known(d));
  EXPECT_EQ(nodes().path(nodes().find(f)->index), "/d/e/f");
  EXPECT_EQ(nodes().count(), 2u);
  // The library needs the way to f again, and looks it up itself.
  EXPECT_EQ(nodes().bind(nodes().find(d)->index, 200), Bind::bound);
  EXPECT_EQ(forget(f, 1).count, 1u);
  EXPECT_FALSE(known(d));
  EXPECT_FALSE(known(e));
  const auto left = nodes().next_fs_forget();
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->fs_ino, 200u);
  EXPECT_EQ(left->count, 1u);
  EXPECT_FALSE(nodes().next_fs_forget().has_value());
}

TEST_F(NodeTableTest, NamesOfEveryLength) {
  for (size_t length : {1, 7, 8, 9, 31, 32, 33, 143, 144, 145, 255, 256, 257, 1023, 1024}) {
    const std::string name(length, static_cast<char>('a' + length % 26));
    const NodeId id = look_up(kRootNode, name, 1000 + length, file(1000 + length));
    EXPECT_EQ(nodes().find_edge(kRootNode, name), id) << length;
    EXPECT_EQ(edges_of(*state_, id), (Edges{{1, name}})) << length;
    expect_sound(*state_);
    EXPECT_EQ(forget(id, 1).count, 1u);
  }
  // Longer than anything the kernel sends: known, without its name.
  const NodeId id = look_up(kRootNode, std::string(1025, 'z'), 9, file(9));
  EXPECT_TRUE(edges_of(*state_, id).empty());
}

TEST_F(NodeTableTest, DotsAreNoEdges) {
  const NodeId d = look_up(kRootNode, "d", 100, folder(5));
  EXPECT_EQ(look_up(d, ".", 100, folder(5)), d);
  EXPECT_EQ(look_up(d, "..", 1, folder(1)), kRootNode);
  EXPECT_EQ(look_up(d, "", 100, folder(5)), d);
  EXPECT_EQ(edges_of(*state_, d), (Edges{{1, "d"}}));
  EXPECT_EQ(nodes().children(nodes().find(d)->index), 0u);
}

TEST_F(NodeTableTest, Rename) {
  const NodeId d = look_up(kRootNode, "d", 100, folder(5));
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  const NodeId b = look_up(d, "b", 102, file(7));
  const std::string name(200, 'n');
  ASSERT_TRUE(nodes().move_edge(slot_, kRootNode, "a", d, "b", SlotPublish::none()).ok());
  EXPECT_EQ(nodes().find_edge(d, "b"), a);
  EXPECT_EQ(nodes().find_edge(kRootNode, "a"), std::nullopt);
  EXPECT_TRUE(edges_of(*state_, b).empty());
  ASSERT_TRUE(nodes().move_edge(slot_, d, "b", d, name, SlotPublish::none()).ok());
  EXPECT_EQ(edges_of(*state_, a), (Edges{{d.value, name}}));
  ASSERT_TRUE(nodes().move_edge(slot_, d, name, d, name, SlotPublish::none()).ok());
  EXPECT_EQ(edges_of(*state_, a), (Edges{{d.value, name}}));
  // What is moved is not known: what was there is gone all the same.
  ASSERT_TRUE(nodes().move_edge(slot_, d, "unknown", d, name, SlotPublish::none()).ok());
  EXPECT_TRUE(edges_of(*state_, a).empty());
}

TEST_F(NodeTableTest, Exchange) {
  const NodeId d = look_up(kRootNode, "d", 100, folder(5));
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  const std::string name(100, 'n');
  const NodeId b = look_up(d, name, 102, file(7));
  look_up(d, "second", 102, file(7));
  ASSERT_TRUE(nodes().exchange_edges(slot_, kRootNode, "a", d, name, SlotPublish::none()).ok());
  EXPECT_EQ(nodes().find_edge(kRootNode, "a"), b);
  EXPECT_EQ(nodes().find_edge(d, name), a);
  expect_sound(*state_);
  ASSERT_TRUE(nodes().exchange_edges(slot_, d, "second", kRootNode, "a", SlotPublish::none()).ok());
  EXPECT_EQ(edges_of(*state_, b), (Edges{{1, "a"}, {d.value, "second"}}));
  ASSERT_TRUE(nodes().exchange_edges(slot_, d, "no", d, name, SlotPublish::none()).ok());
  EXPECT_EQ(edges_of(*state_, a), (Edges{{d.value, "no"}}));
  ASSERT_TRUE(nodes().exchange_edges(slot_, d, "no", d, name, SlotPublish::none()).ok());
  EXPECT_EQ(edges_of(*state_, a), (Edges{{d.value, name}}));
}

TEST_F(NodeTableTest, StaleNodeIsFoundAgain) {
  const NodeId d = look_up(kRootNode, "d", 100, folder(5));
  const NodeId a = look_up(d, "a", 101, file(6));
  look_up(d, "a", 101, file(6));
  die();
  EXPECT_FALSE(nodes().bound(nodes().find(a)->index));
  EXPECT_EQ(kernel_count(a), 2u);
  // By its name; and by its identity, under another name.
  EXPECT_EQ(look_up(kRootNode, "d", 7100, folder(5)), d);
  EXPECT_EQ(look_up(d, "other", 7101, file(6)), a);
  EXPECT_EQ(nodes().fs_ino(nodes().find(a)->index), 7101u);
  EXPECT_EQ(edges_of(*state_, a), (Edges{{d.value, "a"}, {d.value, "other"}}));
  EXPECT_EQ(kernel_count(a), 3u);
  EXPECT_EQ(nodes().fs_count(nodes().find(a)->index), 1u);
}

class Renumbered : public NodeTableTest {
 protected:
  void SetUp() override {
    NodeTableTest::SetUp();
    d_ = look_up(kRootNode, "d", 100, folder(10));
    e_ = look_up(d_, "e", 101, folder(11));
    f_ = look_up(d_, "f", 102, file(12));
    die();
    nodes().set_rename_unsettled([this](NodeId parent, std::string_view name) {
      return parent == unsettled_.first && name == unsettled_.second;
    });
  }
  std::optional<Bind> bind(NodeId id, NodeId parent, std::string_view name,
                           const Identity& identity) {
    const NodeTable::Edge edge{nodes().find(parent)->index, name};
    return nodes().bind_renumbered(slot_, nodes().find(id)->index, edge, 700, identity);
  }
  Identity identity(NodeId id) { return nodes().identity(nodes().find(id)->index); }

  NodeId d_, e_, f_;
  std::pair<NodeId, std::string> unsettled_;
};

TEST_F(Renumbered, IsTheSameDirectory) {
  EXPECT_EQ(bind(d_, kRootNode, "d", folder(77)), Bind::bound);
  EXPECT_EQ(nodes().node_id_of_fs_ino(700), d_);
  EXPECT_EQ(identity(d_).ino, 77u);
  EXPECT_EQ(bind(d_, kRootNode, "d", folder(78)), Bind::again) << "it is bound already";
  EXPECT_EQ(identity(d_).ino, 77u);
  die();
  EXPECT_EQ(identity(d_).ino, 77u);
  EXPECT_EQ(look_up(kRootNode, "elsewhere", 800, folder(77)), d_) << "it is found by its number";
}

TEST_F(Renumbered, IsNoOther) {
  EXPECT_EQ(bind(d_, kRootNode, "d", folder(11)), std::nullopt) << "that is e";
  EXPECT_EQ(bind(d_, kRootNode, "d", file(77)), std::nullopt);
  EXPECT_EQ(bind(f_, d_, "f", file(77)), std::nullopt);
  EXPECT_EQ(bind(d_, kRootNode, "d", folder(0)), std::nullopt);
  EXPECT_EQ(bind(d_, kRootNode, "other", folder(77)), std::nullopt) << "not a name of it";
  EXPECT_FALSE(nodes().may_be_renumbered(nodes().find(d_)->index, folder(11)));
  EXPECT_TRUE(nodes().may_be_renumbered(nodes().find(d_)->index, folder(77)));
  EXPECT_EQ(identity(d_).ino, 10u);
}

TEST_F(Renumbered, NotWhileItMayHaveBeenMoved) {
  unsettled_ = {d_, "e"};
  EXPECT_EQ(bind(e_, d_, "e", folder(77)), std::nullopt);
  EXPECT_NE(look_up(d_, "e", 700, folder(77)), e_);
  unsettled_ = {};
  EXPECT_EQ(bind(d_, kRootNode, "d", folder(78)), Bind::bound);
}

TEST_F(Renumbered, IsFoundByALookup) {
  EXPECT_EQ(look_up(kRootNode, "d", 700, folder(77)), d_);
  EXPECT_EQ(look_up(d_, "e", 701, folder(78)), e_);
  EXPECT_NE(look_up(d_, "f", 702, file(79)), f_);
  EXPECT_EQ(identity(d_).ino, 77u);
  EXPECT_EQ(kernel_count(e_), 2u);
}

TEST_F(Renumbered, NotOneThatIsMade) {
  EXPECT_NE(look_up(kRootNode, "d", 700, folder(77), Fresh::yes), d_);
}

TEST_F(NodeTableTest, AnotherFileUnderAStaleName) {
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  die();
  const NodeId b = look_up(kRootNode, "a", 7101, file(60));
  EXPECT_NE(a, b);
  EXPECT_TRUE(edges_of(*state_, a).empty());
  // Its number is a new file's now: what lost its names is not taken for it.
  EXPECT_NE(look_up(kRootNode, "new", 7102, file(6)), a);
}

TEST_F(NodeTableTest, WhatWasJustMadeIsNew) {
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  die();
  EXPECT_NE(look_up(kRootNode, "b", 7101, file(6), Fresh::yes), a);
}

TEST_F(NodeTableTest, DeviceZeroMatchesAll) {
  const NodeId a = look_up(kRootNode, "a", 101, {.ino = 6, .dev = 0, .type = S_IFREG});
  die();
  EXPECT_EQ(look_up(kRootNode, "b", 7101, {.ino = 6, .dev = 9, .type = S_IFREG}), a);
  die();
  EXPECT_NE(look_up(kRootNode, "c", 8101, {.ino = 6, .dev = 8, .type = S_IFREG}), a);
}

TEST_F(NodeTableTest, FilesystemReusesItsNumber) {
  auto a = nodes().grant(slot_, kRootNode, "a", 100, 1, file(5), SlotPublish::none());
  auto b = nodes().grant(slot_, kRootNode, "b", 100, 2, file(6), SlotPublish::none());
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->id, b->id);
  EXPECT_EQ(b->generation, 2u);
  EXPECT_FALSE(nodes().bound(a->index));
  EXPECT_EQ(forget(a->id, 1).count, 0u);
  // The filesystem counted both lookups on one number.
  EXPECT_EQ(forget(b->id, 1).count, 2u);
}

TEST_F(NodeTableTest, FilesystemsCountAfterACrash) {
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  for (int i = 0; i < 4; ++i) look_up(kRootNode, "a", 101, file(6));
  EXPECT_EQ(forget(a, 2).count, 2u);  // both agree
  die();
  const uint32_t index = nodes().find(a)->index;
  EXPECT_EQ(nodes().bind(index, 201), Bind::bound);
  EXPECT_EQ(nodes().bind(index, 201), Bind::again);
  EXPECT_EQ(nodes().bind(index, 202), Bind::another);
  EXPECT_EQ(nodes().fs_count(index), 2u);
  EXPECT_EQ(forget(a, 1).count, 0u);  // 2 and 2
  EXPECT_EQ(forget(a, 1).count, 1u);  // never the last one before the end
  EXPECT_EQ(forget(a, 1).count, 1u);
  EXPECT_EQ(nodes().bind(index, 1), Bind::gone);
}

TEST_F(NodeTableTest, ForgetOfWhatWasNeverBound) {
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  die();
  EXPECT_EQ(forget(a, 1).count, 0u);
  EXPECT_FALSE(known(a));
}

TEST_F(NodeTableTest, RefusedReply) {
  const NodeId a = look_up(kRootNode, "a", 101, file(6));
  look_up(kRootNode, "a", 101, file(6));
  auto tell = nodes().ungrant(slot_, a, SlotPublish::none());
  ASSERT_TRUE(tell.ok());
  EXPECT_EQ(tell->count, 0u);
  EXPECT_EQ(kernel_count(a), 1u);
  tell = nodes().ungrant(slot_, a, SlotPublish::none());
  ASSERT_TRUE(tell.ok());
  EXPECT_EQ(tell->count, 0u);  // the filesystem knows of the refusal
  EXPECT_FALSE(known(a));
}

TEST_F(NodeTableTest, TableFull) {
  Result<Granted> last = Error{EIO};
  uint64_t n = 0;
  for (;; ++n) {
    const std::string name = "f" + std::to_string(n);
    last = nodes().grant(slot_, kRootNode, name, 100 + n, 0, file(100 + n), SlotPublish::none());
    if (!last) break;
  }
  EXPECT_EQ(last.error(), ENOMEM);
  EXPECT_EQ(n, kSmall.max_nodes - 2);
  expect_sound(*state_);
  // A long name does not fit either, though one record does.
  EXPECT_EQ(forget(*nodes().node_id_of_fs_ino(100), 1).count, 1u);
  last =
      nodes().grant(slot_, kRootNode, std::string(200, 'l'), 51, 0, file(99), SlotPublish::none());
  EXPECT_EQ(last.error(), ENOMEM);
  EXPECT_EQ(nodes().node_id_of_fs_ino(51), std::nullopt);
  look_up(kRootNode, "fits", 50, file(50));
}

TEST_F(NodeTableTest, OneInodeNumberForEverything) {
  for (uint64_t n = 0; n < 1000; ++n) {
    look_up(kRootNode, "f" + std::to_string(n), 100 + n, file(1));
  }
  expect_sound(*state_);
  die();
  for (uint64_t n = 0; n < 1000; ++n) {
    const std::string name = "f" + std::to_string(n);
    const auto id = nodes().find_edge(kRootNode, name);
    ASSERT_TRUE(id.has_value());
    EXPECT_EQ(look_up(kRootNode, name, 9000 + n, file(1)), *id);
    forget(*id, 2);
    EXPECT_FALSE(known(*id));
  }
  EXPECT_EQ(nodes().count(), 1u);
}

TEST_F(NodeTableTest, IdentityIsLearnedLater) {
  const NodeId a = look_up(kRootNode, "a", 101, {.type = S_IFREG});
  look_up(kRootNode, "a", 101, file(6));
  const Identity now = nodes().identity(nodes().find(a)->index);
  EXPECT_EQ(now.ino, 6u);
  EXPECT_EQ(now.dev, 7u);
  die();
  EXPECT_EQ(look_up(kRootNode, "b", 7101, file(6)), a);
}

// ---- names that the library gives files itself

class HiddenTest : public NodeTableTest {
 protected:
  void hide(std::string_view name, std::string_view hidden) {
    ASSERT_TRUE(nodes().add_hidden_edge(slot_, kRootNode, name, hidden).ok());
  }
  uint32_t index(NodeId id) {
    const auto ref = nodes().find(id);
    return ref ? ref->index : 0;
  }
  // The edges in the order in which a successor tries them.
  std::vector<std::string> tried(NodeId id) {
    std::vector<std::string> names;
    char name[kMaxName];
    NodeTable::Edge edge;
    for (uint32_t cursor = 0; nodes().next_edge(index(id), &cursor, name, &edge);) {
      names.push_back(std::string(edge.name) + (edge.hidden ? "!" : ""));
    }
    return names;
  }
};

TEST_F(HiddenTest, HiddenNameIsTriedFirstAndOutlivesTheOther) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  EXPECT_FALSE(nodes().hidden(index(a)));
  hide("a", ".h1");
  die();
  EXPECT_TRUE(nodes().hidden(index(a)));
  EXPECT_EQ(tried(a), (std::vector<std::string>{".h1!", "a"}));
  ASSERT_TRUE(nodes().remove_edge(slot_, kRootNode, "a", SlotPublish::none()).ok());
  die();
  EXPECT_EQ(tried(a), std::vector<std::string>{".h1!"});
  EXPECT_FALSE(nodes().find_edge(kRootNode, "a"));
}

TEST_F(HiddenTest, SameNameAgainIsTheSameEdge) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  hide("a", ".h1");
  hide("a", ".h1");
  hide("a", ".h2");
  EXPECT_EQ(tried(a), (std::vector<std::string>{".h2!", ".h1!", "a"}));
}

TEST_F(HiddenTest, TakesTheNameFromWhatHadIt) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  const NodeId other = look_up(kRootNode, ".h1", 101, file(6));
  hide("a", ".h1");
  EXPECT_EQ(nodes().find_edge(kRootNode, ".h1"), a);
  EXPECT_TRUE(tried(other).empty());
}

TEST_F(HiddenTest, OfWhatIsNotKnownIsNothing) {
  hide("unknown", ".h1");
  EXPECT_FALSE(nodes().find_edge(kRootNode, ".h1"));
}

TEST_F(HiddenTest, FileThatIsNamedAgainIsHiddenNoMore) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  hide("a", ".h1");
  ASSERT_TRUE(nodes().remove_edge(slot_, kRootNode, "a", SlotPublish::none()).ok());
  ASSERT_TRUE(nodes().move_edge(slot_, kRootNode, ".h1", kRootNode, "b", SlotPublish::none()).ok());
  EXPECT_FALSE(nodes().hidden(index(a)));
  EXPECT_EQ(tried(a), std::vector<std::string>{"b"});
}

TEST_F(HiddenTest, GoesWithTheNode) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  hide("a", ".h1");
  ASSERT_TRUE(nodes().remove_edge(slot_, kRootNode, "a", SlotPublish::none()).ok());
  forget(a, 1);
  EXPECT_FALSE(known(a));
  EXPECT_FALSE(nodes().find_edge(kRootNode, ".h1"));
}

TEST_F(NodeTableTest, WhereNamesAreNodesAnotherNameIsAnotherNode) {
  const NodeId a = look_up(kRootNode, "a", 100, file(5));
  die();
  nodes().set_names_are_nodes();
  EXPECT_NE(look_up(kRootNode, "link", 200, file(5)), a);
  EXPECT_EQ(look_up(kRootNode, "a", 201, file(5)), a);
}

}  // namespace
}  // namespace fuse3::reconnect
