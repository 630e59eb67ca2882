// Filesystem and kernel keep the same books: lookup counts and open handles.
#include <gtest/gtest.h>

#include <cstdlib>
#include <mutex>
#include <random>

#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

class CountingFilesystem {
 public:
  Handlers handlers() {
    Handlers result;
    result.lookup = [this](fuse_req_t req, fuse_ino_t, const char* name) {
      const fuse_entry_param found = entry(name);
      fuse_reply_entry(req, &found);
    };
    result.create = [this](fuse_req_t req, fuse_ino_t, const char* name, mode_t,
                           fuse_file_info* info) {
      const fuse_entry_param made = entry(name);
      info->fh = open();
      fuse_reply_create(req, &made, info);
    };
    result.open = [this](fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
      info->fh = open();
      fuse_reply_open(req, info);
    };
    result.release = [this](fuse_req_t req, fuse_ino_t, fuse_file_info* info) {
      close(info->fh);
      fuse_reply_err(req, 0);
    };
    result.readdirplus = [this](fuse_req_t req, auto...) {
      char room[2000];
      size_t used = 0;
      for (const char* name : {"a", "b", "c"}) {
        const fuse_entry_param found = entry(name);
        used += fuse_add_direntry_plus(req, room + used, sizeof room - used, name, &found, 1);
      }
      fuse_reply_buf(req, room, used);
    };
    result.forget = [this](fuse_req_t req, fuse_ino_t ino, uint64_t count) {
      forget(ino, count);
      fuse_reply_none(req);
    };
    result.forget_multi = [this](fuse_req_t req, size_t count, fuse_forget_data* items) {
      for (size_t i = 0; i < count; ++i) forget(items[i].ino, items[i].nlookup);
      fuse_reply_none(req);
    };
    return result;
  }

  std::map<uint64_t, uint64_t> lookups() {
    std::lock_guard guard(lock_);
    return lookups_;
  }
  std::multiset<uint64_t> handles() {
    std::lock_guard guard(lock_);
    return handles_;
  }

 private:
  fuse_entry_param entry(const char* name) {
    fuse_entry_param result{};
    result.ino = 100 + static_cast<unsigned char>(name[0]);
    std::lock_guard guard(lock_);
    ++lookups_[result.ino];
    return result;
  }
  uint64_t open() {
    std::lock_guard guard(lock_);
    handles_.insert(++last_handle_);
    return last_handle_;
  }
  void close(uint64_t handle) {
    std::lock_guard guard(lock_);
    EXPECT_EQ(1u, handles_.erase(handle));
  }
  void forget(uint64_t ino, uint64_t count) {
    std::lock_guard guard(lock_);
    EXPECT_LE(count, lookups_[ino]);
    lookups_[ino] -= count;
    if (lookups_[ino] == 0) lookups_.erase(ino);
  }

  std::mutex lock_;
  std::map<uint64_t, uint64_t> lookups_;
  std::multiset<uint64_t> handles_;
  uint64_t last_handle_ = 0;
};

// What one application does.
void use(World& world, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint64_t> open;
  for (int i = 0; i < 300; ++i) {
    const char name[] = {static_cast<char>('a' + random() % 20), '\0'};
    const char* const text = name;
    switch (random() % 5) {
      case 0:
        world.call(Opcode::lookup, 1, body(text));
        break;
      case 1:
        open.push_back(world.call(Opcode::create, 1, body(wire::CreateIn{}, text))
                           .as<wire::CreateOut>()
                           .open.fh);
        break;
      case 2:
        open.push_back(world.call(Opcode::open, 150, body(wire::OpenIn{})).as<wire::OpenOut>().fh);
        break;
      case 3:
        world.call(Opcode::readdirplus, 1, body(wire::ReadIn{}));
        break;
      case 4:
        if (open.empty()) break;
        world.call(Opcode::release, 150, body(wire::ReleaseIn{open.back(), 0, 0, 0}));
        open.pop_back();
        break;
    }
  }
}

TEST(SessionBooks, AreTheSameOnBothSides) {
  Watchdog watchdog;
  const char* given = std::getenv("FUSE3_TEST_SEED");
  const unsigned seed =
      given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
  SCOPED_TRACE("FUSE3_TEST_SEED=" + std::to_string(seed));
  CountingFilesystem filesystem;
  World world(filesystem.handlers());
  world.serve_with(4);
  world.init();
  std::vector<std::thread> applications;
  for (unsigned i = 0; i < 3; ++i) {
    applications.emplace_back([&world, seed, i] { use(world, seed + i); });
  }
  for (std::thread& application : applications) application.join();
  EXPECT_FALSE(world.kernel.lookups().empty());
  EXPECT_FALSE(world.kernel.handles().empty());
  EXPECT_EQ(filesystem.lookups(), world.kernel.lookups());
  EXPECT_EQ(filesystem.handles(), world.kernel.handles());

  const auto left = world.kernel.lookups();
  const auto first = left.begin();
  Bytes batch = body(wire::BatchForgetIn{static_cast<uint32_t>(left.size() - 1), 0});
  for (const auto& [node, count] : left) {
    if (node != first->first) append_part(batch, wire::ForgetOne{node, count});
  }
  world.tell(Opcode::batch_forget, 0, batch);
  world.tell(Opcode::forget, first->first, body(wire::ForgetIn{first->second}));
  EXPECT_TRUE(eventually([&] { return filesystem.lookups().empty(); }));
  EXPECT_TRUE(world.kernel.lookups().empty());
}

}  // namespace
}  // namespace fuse3::test
