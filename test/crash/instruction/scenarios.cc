#include "scenarios.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

namespace fuse3::reconnect {
namespace {

constexpr uint32_t kRequest = 80;
constexpr uint32_t kReply = 144;
// Longer than what fits into a record, so that names take records of their own.
const std::string kLong(180, 'l');
const std::string kLonger(255, 'm');

Identity file(uint64_t ino) {
  return {.ino = ino, .dev = 7, .type = S_IFREG};
}
Identity folder(uint64_t ino) {
  return {.ino = ino, .dev = 7, .type = S_IFDIR};
}

// A reply whose ids are filled in by the transaction that publishes it.
SlotPublish entry_reply(World& w) {
  const auto space = w.slot.reply_space(kReply);
  std::memset(space.data(), 0x77, space.size());
  const uint32_t offset = w.slot.offset_of(space.data());
  SlotPublish publish = SlotPublish::replied(offset, kReply);
  publish.node_id = reinterpret_cast<uint64_t*>(space.data() + 16);
  publish.generation = reinterpret_cast<uint64_t*>(space.data() + 24);
  publish.handle_id = reinterpret_cast<uint64_t*>(space.data() + 32);
  return publish;
}

void run_request(World& w) {
  w.receive(kRequest);
  w.slot.start_running();
}

std::function<void(World&)> answer_lookup(NodeId parent, std::string name, uint64_t fs_ino,
                                          Identity identity) {
  return [=](World& w) {
    (void)w.state->nodes().grant(w.slot, parent, name, fs_ino, 3, identity, entry_reply(w));
  };
}

void answer_create(World& w) {
  const SlotPublish publish = entry_reply(w);
  Txn txn(*w.state, w.slot);
  auto node = w.state->nodes().grant_in(txn, kRootNode, kLong, 900, 3, file(90), Fresh::yes);
  auto handle = w.state->handles().grant_in(txn, node->id, 1234, 2, 1, HandleKind::file);
  *publish.node_id = node->id.value;
  *publish.generation = node->generation;
  *publish.handle_id = handle->value;
  txn.publish(publish);
  (void)txn.commit();
}

std::function<void(World&)> answer_forget(size_t node, uint64_t n, SlotPublish publish) {
  return [=](World& w) { (void)w.state->nodes().forget(w.slot, w.nodes[node], n, publish); };
}

// 0: directory d, 1: d/e, 2: file d/e/f with two more names, 3: file "a", 4: file "long"
void prepare_tree(World& w) {
  const NodeId d = w.look_up(kRootNode, "d", 100, folder(10));
  const NodeId e = w.look_up(d, "e", 101, folder(11));
  w.look_up(e, "f", 102, file(12));
  w.look_up(kRootNode, "a", 103, file(13));
  w.look_up(kRootNode, kLong, 104, file(14));
  w.look_up(d, kLong, 102, file(12));
  w.look_up(kRootNode, "f2", 102, file(12));
  auto handle =
      w.state->handles().grant(w.slot, w.nodes[3], 55, 2, 0, HandleKind::file, SlotPublish::none());
  w.handles.push_back(*handle);
}

void prepare_request(World& w) {
  prepare_tree(w);
  run_request(w);
}

// Every record in use has its bucket; the next one brings a new bucket.
void prepare_full_buckets(World& w) {
  for (uint64_t i = 0; w.state->mapping().header().heads.node_high_water < 100; ++i) {
    w.look_up(kRootNode, "n" + std::to_string(i), 1000 + i, file(1000 + i));
  }
  run_request(w);
}

void prepare_stale(World& w) {
  prepare_tree(w);
  w.become_stale();
  run_request(w);
}

void prepare_cascade(World& w) {
  prepare_tree(w);
  w.forget(w.nodes[0], 1);
  w.forget(w.nodes[1], 1);
  run_request(w);
}

void prepare_replied(World& w) {
  prepare_request(w);
  const auto space = w.slot.reply_space(kReply);
  w.slot.publish_reply(w.slot.offset_of(space.data()), kReply);
}

void prepare_free_records(World& w) {
  prepare_tree(w);
  w.forget(w.nodes[4], 1);
  w.forget(w.nodes[3], 1);
  (void)w.state->handles().free(w.slot, w.handles[0], SlotPublish::none());
  run_request(w);
}

// The table's first part is full, and one node is in the second.
void prepare_two_parts(World& w) {
  for (uint64_t i = 0; w.state->mapping().header().heads.node_high_water < 65; ++i) {
    w.look_up(kRootNode, "n" + std::to_string(i), 1000 + i, file(1000 + i));
  }
  run_request(w);
}

// The second part has been given back.
void prepare_part_given_back(World& w) {
  prepare_two_parts(w);
  w.forget(w.nodes.back(), 1);
}

// The second part has been given back, but not the third one.
void prepare_hole(World& w) {
  for (uint64_t i = 0; w.state->mapping().header().heads.node_high_water < 140; ++i) {
    w.look_up(kRootNode, "n" + std::to_string(i), 1000 + i, file(1000 + i));
  }
  for (const NodeId id : w.nodes) {
    const auto index = static_cast<uint32_t>(id.value);
    if (index >= 64 && index < 128) w.forget(id, 1);
  }
  run_request(w);
}

void prepare_batch(World& w) {
  prepare_tree(w);
  w.receive(kRequest);
}

std::span<const std::byte> init_bytes(char fill) {
  static std::array<std::byte, 64> bytes;
  bytes.fill(static_cast<std::byte>(fill));
  return bytes;
}

// handles[1] and [2]: directories that are being read; with entries of a third one left over.
void prepare_streams(World& w) {
  prepare_tree(w);
  for (int i = 0; i < 3; ++i) {
    w.handles.push_back(*w.state->handles().grant(w.slot, w.nodes[0], 60, 0, 0,
                                                  HandleKind::directory, SlotPublish::none()));
  }
  const auto deliver = [&](size_t handle, uint32_t count) {
    std::vector<StreamEntry> entries;
    for (uint64_t i = 1; i <= count; ++i) entries.push_back({i, 1000 + i});
    (void)w.state->streams().put(w.slot, w.handles[handle], 0, entries);
  };
  deliver(1, 10);
  deliver(3, 20);
  (void)w.state->handles().free(w.slot, w.handles[3], SlotPublish::none());
  w.handles.pop_back();
  run_request(w);
}

void prepare_renumbered(World& w) {
  prepare_stale(w);
  w.state->nodes().set_rename_unsettled([](NodeId, std::string_view) { return false; });
}

std::function<void(World&)> deliver(size_t handle, uint32_t position, uint32_t count) {
  return [=](World& w) {
    std::vector<StreamEntry> entries;
    for (uint64_t i = position + 1; i <= position + count; ++i) entries.push_back({i, 2000 + i});
    (void)w.state->streams().put(w.slot, w.handles[handle], position, entries);
  };
}

std::vector<Scenario> streams() {
  return {
      {"deliver into the last record", prepare_streams, {deliver(1, 10, 3)}},
      {"deliver into free records", prepare_streams, {deliver(1, 10, 8)}},
      {"deliver into free and new records", prepare_streams, {deliver(1, 10, 40)}},
      {"deliver the first entries", prepare_streams, {deliver(2, 0, 9), deliver(2, 9, 9)}},
      {"release a directory that was read", prepare_streams, {[](World& w) {
         (void)w.state->handles().free(w.slot, w.handles[1], SlotPublish::replied(128, 16));
       }}},
      {"release a directory after another",
       prepare_streams,
       {[](World& w) { (void)w.state->handles().free(w.slot, w.handles[2], SlotPublish::none()); },
        [](World& w) {
          (void)w.state->handles().free(w.slot, w.handles[1], SlotPublish::done());
        }}},
  };
}

std::vector<Scenario> lookups() {
  return {
      {"bind a directory that was renumbered",
       prepare_renumbered,
       {[](World& w) {
          const uint32_t d = w.state->nodes().find(w.nodes[0])->index;
          (void)w.state->nodes().bind_renumbered(w.slot, d, {1, "d"}, 7100, folder(60));
        },
        [](World& w) {
          const uint32_t d = w.state->nodes().find(w.nodes[0])->index;
          const uint32_t e = w.state->nodes().find(w.nodes[1])->index;
          (void)w.state->nodes().bind_renumbered(w.slot, e, {d, "e"}, 7101, folder(10));
        }}},
      {"grant a directory that was renumbered",
       prepare_renumbered,
       {answer_lookup(kRootNode, "d", 7100, folder(60))}},
      {"grant a new node", prepare_request, {answer_lookup(kRootNode, "new", 200, file(20))}},
      {"grant a new node with a long name",
       prepare_request,
       {answer_lookup(kRootNode, kLonger, 200, file(20))}},
      {"grant a new node in freed records",
       prepare_free_records,
       {answer_lookup(kRootNode, kLonger, 200, file(20))}},
      {"grant a new node that takes a name",
       prepare_request,
       {answer_lookup(kRootNode, kLong, 200, file(20))}},
      {"grant a new node and a bucket",
       prepare_full_buckets,
       {answer_lookup(kRootNode, "one more", 200, file(20))}},
      {"grant a known node", prepare_request, {answer_lookup(kRootNode, "a", 103, file(13))}},
      {"grant a known node under a further name",
       prepare_request,
       {answer_lookup(kRootNode, kLonger, 103, file(13))}},
      {"grant a directory that was moved",
       prepare_request,
       {answer_lookup(kRootNode, kLong, 101, folder(11))}},
      {"grant a stale node", prepare_stale, {answer_lookup(kRootNode, "a", 7103, file(13))}},
      {"grant a stale node by its inode",
       prepare_stale,
       {answer_lookup(kRootNode, "b", 7103, file(13))}},
      {"grant a known node with another inode number",
       prepare_request,
       {answer_lookup(kRootNode, "a", 103, file(33))}},
      {"grant a new node in a part that was cut off",
       prepare_part_given_back,
       {answer_lookup(kRootNode, "one more", 200, file(20))}},
      {"grant a new node in a part that was given back",
       prepare_hole,
       {answer_lookup(kRootNode, "one more", 200, file(20))}},
      {"CREATE", prepare_request, {answer_create}},
      {"CREATE in freed records", prepare_free_records, {answer_create}},
      {"READDIRPLUS",
       [](World& w) {
         prepare_request(w);
         w.slot.begin_counting(w.slot.offset_of(w.slot.reply_space(512).data()));
       },
       {[](World& w) {
          (void)w.state->nodes().grant(w.slot, kRootNode, "r1", 300, 3, file(30),
                                       SlotPublish::counted(8));
        },
        [](World& w) {
          (void)w.state->nodes().grant(w.slot, kRootNode, "a", 103, 3, file(13),
                                       SlotPublish::counted(16));
        }}},
  };
}

std::vector<Scenario> forgets() {
  return {
      {"ungrant", prepare_request, {[](World& w) {
         (void)w.state->nodes().ungrant(w.slot, w.nodes[3], SlotPublish::done());
       }}},
      {"forget the last of a part of the table", prepare_two_parts, {[](World& w) {
         (void)w.state->nodes().forget(w.slot, w.nodes.back(), 1, SlotPublish::done());
       }}},
      {"forget the last of a part in the middle of the table",
       [](World& w) {
         prepare_hole(w);
         w.look_up(kRootNode, "again", 5000, file(5000));
       },
       {[](World& w) {
         (void)w.state->nodes().forget(w.slot, w.nodes.back(), 1, SlotPublish::done());
       }}},
      {"forget a part", prepare_request, {answer_forget(2, 1, SlotPublish::done())}},
      {"forget a file", prepare_request, {answer_forget(4, 1, SlotPublish::done())}},
      {"forget a directory that is needed",
       prepare_request,
       {answer_forget(0, 1, SlotPublish::done())}},
      {"forget the last of a path", prepare_cascade, {answer_forget(2, 3, SlotPublish::done())}},
      {"forget what is not there", prepare_request, {[](World& w) {
         (void)w.state->nodes().forget(w.slot, NodeId{99}, 1, SlotPublish::done());
       }}},
      {"BATCH_FORGET",
       prepare_batch,
       {answer_forget(3, 1, SlotPublish::progress(1)),
        answer_forget(2, 3, SlotPublish::progress(2)), answer_forget(4, 1, SlotPublish::done())}},
  };
}

std::vector<Scenario> renames() {
  return {
      {"remove an edge", prepare_request, {[](World& w) {
         (void)w.state->nodes().remove_edge(w.slot, kRootNode, kLong,
                                            SlotPublish::replied(128, 16));
       }}},
      {"remove the edge that a path hangs on",
       prepare_cascade,
       {[](World& w) {
          (void)w.state->nodes().remove_edge(w.slot, w.nodes[0], kLong, SlotPublish::none());
        },
        [](World& w) {
          (void)w.state->nodes().remove_edge(w.slot, w.nodes[1], "f", SlotPublish::done());
        }}},
      {"move an edge", prepare_request, {[](World& w) {
         (void)w.state->nodes().move_edge(w.slot, kRootNode, "a", w.nodes[0], kLong,
                                          SlotPublish::replied(128, 16));
       }}},
      {"move a directory", prepare_request, {[](World& w) {
         (void)w.state->nodes().move_edge(w.slot, w.nodes[0], "e", kRootNode, kLonger,
                                          SlotPublish::replied(128, 16));
       }}},
      {"hide a file",
       prepare_request,
       {[](World& w) { (void)w.state->nodes().add_hidden_edge(w.slot, kRootNode, "a", kLonger); },
        [](World& w) {
          (void)w.state->nodes().remove_edge(w.slot, kRootNode, "a", SlotPublish::replied(128, 16));
        }}},
      {"remove a hidden file",
       [](World& w) {
         prepare_request(w);
         (void)w.state->nodes().add_hidden_edge(w.slot, kRootNode, "a", kLonger);
         (void)w.state->nodes().remove_edge(w.slot, kRootNode, "a", SlotPublish::none());
       },
       {[](World& w) {
         (void)w.state->nodes().remove_edge(w.slot, kRootNode, kLonger, SlotPublish::none());
       }}},
      {"exchange edges", prepare_request, {[](World& w) {
         (void)w.state->nodes().exchange_edges(w.slot, kRootNode, "a", w.nodes[0], kLong,
                                               SlotPublish::replied(128, 16));
       }}},
  };
}

Lock lock_of(uint64_t owner, uint32_t type, uint64_t start, uint64_t end) {
  Lock lock;
  lock.type = type;
  lock.owner = owner;
  lock.start = start;
  lock.end = end;
  lock.handle = HandleId{1};
  return lock;
}

void grant_lock(World& w, const Lock& lock, const SlotPublish& publish = SlotPublish::none()) {
  (void)w.state->locks().set(w.slot, w.nodes[3], lock, publish);
}

// Owner 1 has 0-9 and 20-29 and 40-49 of the file, owner 2 all of it for flock().
void prepare_locks(World& w) {
  prepare_tree(w);
  for (uint64_t start : {0, 20, 40}) grant_lock(w, lock_of(1, F_RDLCK, start, start + 9));
  Lock whole = lock_of(2, F_WRLCK, 0, UINT64_MAX);
  whole.kind = LockKind::whole_file;
  grant_lock(w, whole);
  run_request(w);
}

void prepare_freed_locks(World& w) {
  prepare_locks(w);
  grant_lock(w, lock_of(1, F_UNLCK, 0, 29));
}

std::function<void(World&)> answer_lock(const Lock& lock) {
  return [lock](World& w) { grant_lock(w, lock, SlotPublish::replied(128, 16)); };
}

std::vector<Scenario> locks() {
  return {
      {"grant a lock", prepare_locks, {answer_lock(lock_of(3, F_RDLCK, 0, 9))}},
      {"grant a lock in freed records",
       prepare_freed_locks,
       {answer_lock(lock_of(1, F_WRLCK, 45, 46))}},
      {"replace several locks", prepare_locks, {answer_lock(lock_of(1, F_WRLCK, 5, 44))}},
      {"unlock in the middle", prepare_locks, {answer_lock(lock_of(1, F_UNLCK, 22, 25))}},
      {"unlock everything", prepare_locks, {answer_lock(lock_of(1, F_UNLCK, 0, UINT64_MAX))}},
      {"FLUSH", prepare_locks, {[](World& w) {
         (void)w.state->locks().drop_owner(w.slot, w.nodes[3], 1, SlotPublish::replied(128, 16));
       }}},
      {"RELEASE of a handle with locks",
       prepare_locks,
       {[](World& w) { (void)w.state->locks().drop_handle(w.slot, w.nodes[3], HandleId{1}); },
        [](World& w) {
          (void)w.state->handles().free(w.slot, w.handles[0], SlotPublish::replied(128, 16));
        }}},
  };
}

std::vector<Scenario> others() {
  return {
      {"open", prepare_request, {[](World& w) {
         (void)w.state->handles().grant(w.slot, w.nodes[3], 77, 1, 2, HandleKind::file,
                                        entry_reply(w));
       }}},
      {"release", prepare_request, {[](World& w) {
         (void)w.state->handles().free(w.slot, w.handles[0], SlotPublish::replied(128, 16));
       }}},
      {"bind, which no successor sees", prepare_stale, {[](World& w) {
         (void)w.state->nodes().bind(2, 7100);
       }}},
      {"arm a slot", prepare_tree, {[](World& w) { w.slot.arm(3); }}},
      {"start running", prepare_batch, {[](World& w) { w.slot.start_running(); }}},
      {"publish a reply", prepare_request, {[](World& w) {
         const auto space = w.slot.reply_space(kReply);
         std::memset(space.data(), 0x66, space.size());
         w.slot.publish_reply(w.slot.offset_of(space.data()), kReply);
       }}},
      {"finish", prepare_replied, {[](World& w) { w.slot.finish(); }}},
      {"claim a generation", prepare_request, {[](World& w) {
         (void)w.state->claim(Generation{1}, 0x3ffffff1);
       }}},
      {"save INIT",
       prepare_tree,
       {[](World& w) { (void)w.state->save_init_request(init_bytes('q')); },
        [](World& w) { (void)w.state->save_init_reply(init_bytes('r')); }}},
      {"add a slot", prepare_request, {[](World& w) { (void)w.state->slots().acquire(); }}},
  };
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list;
    for (auto make : {lookups, forgets, renames, streams, locks, others}) {
      for (Scenario& scenario : make()) list.push_back(std::move(scenario));
    }
    return list;
  }();
  return all;
}

}  // namespace fuse3::reconnect
