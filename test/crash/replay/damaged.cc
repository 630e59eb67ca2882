#include "damaged.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "play.h"
#include "reconnect/mapping_layout.h"

namespace fuse3::reconnect {
namespace {

using test::body;
using wire::Opcode;

// A server that dies takes its memory with it only when its process does.
constexpr size_t kBytesInOneProcess = 400;
constexpr unsigned kSecondsForOne = 20;
constexpr uint8_t kWays = 3;

std::byte spoiled(std::byte was, uint8_t way) {
  return way == 0 ? ~was : way == 1 ? std::byte{0} : std::byte{0xff};
}

void make(Disk& disk, const std::string& path, const std::string& data, mode_t mode) {
  FilePtr parent = disk.root, made;
  std::string name;
  disk.walk(path, &parent, &name);
  (void)disk.make(*parent, name, mode, 0, data, &made);
}

void read(Play& p, uint64_t node, uint64_t handle) {
  wire::ReadIn in{};
  in.fh = handle, in.size = 64;
  p.call(Opcode::read, node, body(in));
}

void list(Play& p, uint64_t handle, uint64_t offset, Opcode opcode) {
  wire::ReadIn in{};
  in.fh = handle, in.size = 400, in.offset = offset;
  p.call(opcode, p.node("/d"), body(in));
}

wire::LkIn lock_of(uint64_t handle, uint32_t type) {
  wire::LkIn in{};
  in.fh = handle, in.owner = 9, in.lk = {0, 10, type, 1};
  return in;
}

const std::string kLong(150, 'l');

// What the kernel knows and has open when the first server dies.
struct Busy {
  uint64_t f = 0, g = 0, d = 0;

  explicit Busy(Play& p) {
    Disk& disk = p.disk();
    for (const char* path : {"/d", "/d/e"}) make(disk, path, "", S_IFDIR | 0755);
    make(disk, "/d/e/f", "contents of f", S_IFREG | 0644);
    make(disk, "/g", "and those of g", S_IFREG | 0600);
    make(disk, "/d/" + kLong, "a long name's", S_IFREG | 0644);
    for (char c = 'p'; c < 'z'; ++c) make(disk, std::string("/d/") + c, "x", S_IFREG | 0644);
    f = p.open("/d/e/f"), g = p.open("/g"), d = p.open("/d", O_RDONLY, true);
    p.node("/d/" + kLong), p.node("/d/q");
    list(p, d, 0, Opcode::readdirplus);
    p.call(Opcode::setlk, p.node("/g"), body(lock_of(g, F_WRLCK)));
  }
};

// What applications ask for afterwards. The first request is in hand when the server dies.
void ask_everything(Play& p, const Busy& busy) {
  p.call(Opcode::getattr, p.node("/d/" + kLong), body(wire::GetattrIn{}));
  read(p, p.node("/d/e/f"), busy.f), read(p, p.node("/g"), busy.g);
  p.note_names(p.node("/d"), busy.d, 4096);
  p.call(Opcode::getattr, p.node("/d/q"), body(wire::GetattrIn{}));
  p.call(Opcode::lookup, p.node("/d/e"), body("f"));
  p.call(Opcode::lookup, p.node("/d"), body(kLong.c_str()));
  p.call(Opcode::getlk, p.node("/g"), body(lock_of(busy.g, F_WRLCK)));
  p.call(Opcode::mkdir, p.node("/d"), body(wire::MkdirIn{0755, 0}, "new"));
  p.call(Opcode::rename, p.node("/d"), body(wire::RenameIn{1}, "new", "newer"));
  p.call(Opcode::lookup, 1, body("newer"));
}

struct Spoiling {
  bool any = false;
  size_t at = 0;
  uint8_t way = 0;
};

struct Seen {
  std::vector<std::string> notes;
  std::string disk;
  std::vector<std::byte> state;  // as the dead server left it
  bool refused = false;
};

Seen play(Interface interface, const Spoiling& spoiling) {
  World world(interface, Passing::handed, {});
  Play p(world);
  wire::InitIn in{};
  in.major = wire::kMajor, in.minor = wire::kMinor;
  in.flags = wire::init_flag::posix_locks | wire::init_flag::do_readdirplus;
  p.call(Opcode::init, 0, body(in));
  const Busy busy(p);
  Seen seen;
  world.before_successor([&](int fd) {
    struct stat facts {};
    if (::fstat(fd, &facts) != 0) std::abort();
    seen.state.resize(spoiling.any ? 1 : static_cast<size_t>(facts.st_size));
    const auto at = static_cast<off_t>(spoiling.any ? spoiling.at : 0);
    if (::pread(fd, seen.state.data(), seen.state.size(), at) < 0) std::abort();
    if (!spoiling.any) return;
    const std::byte now = spoiled(seen.state[0], spoiling.way);
    if (::pwrite(fd, &now, 1, at) != 1) std::abort();
  });
  constexpr int kInHand = 1;  // received, and the filesystem has been called
  p.begin({kInHand, -1});
  ask_everything(p, busy);
  seen.notes = p.notes();
  seen.disk = world.disk.picture();
  seen.refused = world.refused();
  return seen;
}

bool is_error(const std::string& note) {
  const size_t space = note.find(' ');
  return space != std::string::npos && note.compare(space + 1, 1, "E") == 0;
}

// "" or what an application was told that is not so.
std::string untrue(const Seen& expected, const Seen& seen) {
  if (seen.refused) return {};
  for (size_t i = 0; i < expected.notes.size(); ++i) {
    if (seen.notes[i].ends_with(" ETIMEDOUT")) return "never answered " + expected.notes[i];
    if (seen.notes[i] != expected.notes[i] && !is_error(seen.notes[i])) {
      return "answered " + seen.notes[i] + " and not " + expected.notes[i];
    }
  }
  return {};
}

struct Section {
  const char* name;
  uint64_t end;
  // What nothing else in the state could contradict is believed: a request that is in hand.
  bool believed;
};

std::vector<Section> sections_of(const std::vector<std::byte>& state) {
  Fixed fixed;
  std::memcpy(&fixed, state.data(), sizeof fixed);
  const Sections& s = fixed.sections;
  const LockSection locks = lock_section_of(s, fixed.layout_version);
  return {{"fixed", sizeof(Fixed), false}, {"header", s.edge_heads, false},
          {"buckets", s.nodes, false},     {"nodes", s.handles, false},
          {"handles", s.slots, false},     {"slots", locks.buckets_at, true},
          {"locks", s.total, false}};
}

// Of a slot's buffer the start, where requests and replies are.
std::vector<size_t> places(const std::vector<std::byte>& state, size_t first, size_t step) {
  Fixed fixed;
  std::memcpy(&fixed, state.data(), sizeof fixed);
  const Sections& s = fixed.sections;
  const uint64_t slot_size = uint64_t{kPage} + s.slot_buffer_size;
  const uint64_t slots_end = s.slots + s.max_slots * slot_size;
  std::vector<size_t> all;
  size_t passed = step - first % step;
  for (size_t at = 0; at < state.size(); ++at) {
    const bool slot = at >= s.slots && at < slots_end;
    if (slot && (at - s.slots) % slot_size >= 2 * kPage) continue;
    if (++passed < step) continue;
    passed = 0;
    all.push_back(at);
  }
  return all;
}

struct Count {
  uint64_t tried = 0, refused = 0, errors = 0, unnoticed = 0, untrue = 0, broken = 0;
};

class Spoiler {
 public:
  Spoiler(Interface interface, Seen expected)
      : interface_(interface),
        expected_(std::move(expected)),
        sections_(sections_of(expected_.state)) {
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    shared_ = new (memory) Shared{};
  }
  ~Spoiler() { ::munmap(shared_, sizeof(Shared)); }

  // Some bytes in a process of their own; what breaks one goes on behind it in another.
  void run(const std::vector<size_t>& all) {
    shared_->next = 0;
    while (shared_->next < all.size() * kWays) {
      const pid_t child = ::fork();
      if (child == 0) in_child(all);
      int status = 0;
      ::waitpid(child, &status, 0);
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) continue;
      const uint64_t at = shared_->next++;
      ++shared_->count[section_of(all[at / kWays])].broken;
      std::printf("DIFFERENCE: %s byte %zu in way %u: %s\n", name_of(all[at / kWays]),
                  all[at / kWays], static_cast<unsigned>(at % kWays),
                  WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ended");
    }
  }

  uint64_t report() const {
    uint64_t wrong = 0;
    for (size_t i = 0; i < sections_.size(); ++i) {
      const Count& count = shared_->count[i];
      std::printf(
          "%s: %llu tried, %llu refused, %llu with errors, %llu unnoticed, %llu untrue, %llu "
          "broken\n",
          sections_[i].name, static_cast<unsigned long long>(count.tried),
          static_cast<unsigned long long>(count.refused),
          static_cast<unsigned long long>(count.errors),
          static_cast<unsigned long long>(count.unnoticed),
          static_cast<unsigned long long>(count.untrue),
          static_cast<unsigned long long>(count.broken));
      wrong += count.broken + (sections_[i].believed ? 0 : count.untrue);
    }
    return wrong;
  }

 private:
  struct Shared {
    uint64_t next = 0;
    Count count[8] = {};
  };

  size_t section_of(size_t at) const {
    const auto found = std::find_if(sections_.begin(), sections_.end(),
                                    [&](const Section& section) { return at < section.end; });
    return static_cast<size_t>(found - sections_.begin());
  }
  const char* name_of(size_t at) const { return sections_[section_of(at)].name; }

  [[noreturn]] void in_child(const std::vector<size_t>& all) {
    const uint64_t end = std::min(shared_->next + kBytesInOneProcess, all.size() * kWays);
    for (; shared_->next < end; ++shared_->next) {
      ::alarm(kSecondsForOne);
      one(all[shared_->next / kWays], static_cast<uint8_t>(shared_->next % kWays));
    }
    std::fflush(stdout);
    ::_exit(0);
  }

  void one(size_t at, uint8_t way) {
    if (spoiled(expected_.state[at], way) == expected_.state[at]) return;
    const Seen seen = play(interface_, {true, at, way});
    Count& count = shared_->count[section_of(at)];
    ++count.tried;
    const std::string wrong = untrue(expected_, seen);
    if (seen.refused) {
      ++count.refused;
    } else if (!wrong.empty()) {
      ++count.untrue;
      if (!sections_[section_of(at)].believed) {
        std::printf("DIFFERENCE: %s byte %zu in way %u: %s\n", name_of(at), at, way, wrong.c_str());
      }
    } else {
      ++(seen.notes == expected_.notes ? count.unnoticed : count.errors);
    }
  }

  const Interface interface_;
  const Seen expected_;
  const std::vector<Section> sections_;
  Shared* shared_;
};

}  // namespace

uint64_t spoil_every_byte(Interface interface, size_t first, size_t step) {
  Seen expected = play(interface, {});
  const std::vector<size_t> all = places(expected.state, first, step);
  for (const std::string& note : expected.notes) std::printf("  %.100s\n", note.c_str());
  Spoiler spoiler(interface, std::move(expected));
  std::fflush(stdout);
  spoiler.run(all);
  return spoiler.report();
}

}  // namespace fuse3::reconnect
