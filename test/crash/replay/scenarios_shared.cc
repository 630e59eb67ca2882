// Scenarios in which one request depends on what an earlier one has left in the server: locks, who
// waits in poll(2), interrupts, backing files, directories that are being read.
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "play.h"

namespace fuse3::reconnect {
namespace {

using test::body;
using wire::Opcode;

constexpr uint64_t kBell = 77;

std::function<void(Play&)> opened_twice(const char* attribute = nullptr) {
  return [=](Play& p) {
    FilePtr made;
    (void)p.disk().make(*p.disk().root, "f", S_IFREG | 0644, 0, "0123456789", &made);
    if (attribute != nullptr) made->xattrs[attribute] = "";
    p.open("/f"), p.open("/f");
  };
}

uint64_t f(Play& p) {
  return p.node("/f");
}
uint64_t first(Play& p) {
  return *p.world().kernel().handles().begin();
}
uint64_t second(Play& p) {
  return *p.world().kernel().handles().rbegin();
}

wire::LkIn lock_of(uint64_t handle, uint64_t owner, uint32_t type, uint32_t flags = 0) {
  wire::LkIn in{};
  in.fh = handle, in.owner = owner, in.lk = {0, INT64_MAX, type, 1}, in.lk_flags = flags;
  return in;
}

void lock(Play& p, uint64_t handle, uint64_t owner, uint32_t type, uint32_t flags = 0) {
  p.call(Opcode::setlk, f(p), body(lock_of(handle, owner, type, flags)));
}

void flush(Play& p, uint64_t node, uint64_t handle, uint64_t owner) {
  p.call(Opcode::flush, node, body(wire::FlushIn{handle, 0, 0, owner}));
}

void read(Play& p, uint64_t handle) {
  wire::ReadIn in{};
  in.fh = handle, in.size = 4;
  p.call(Opcode::read, f(p), body(in));
}

void release(Play& p, uint64_t handle, uint64_t owner) {
  wire::ReleaseIn in{};
  in.fh = handle, in.lock_owner = owner;
  in.release_flags = wire::release_flag::flock_unlock;
  p.call(Opcode::release, f(p), body(in));
}

// By the one that had a lock until somebody below the mount took it, when its server had died.
void read_without_lock(Play& p) {
  p.call(Opcode::statfs, 1);
  const bool lost = p.world().died();
  wire::ReadIn in{};
  in.fh = first(p), in.size = 4;
  const int error = p.ask(Opcode::read, f(p), body(in)).error;
  p.note(lost && error != -EIO ? "read without the lock" : "as it should be");
}

void lock_two_names(Play& p) {
  const uint64_t g = p.node("/g");
  const auto other = body(lock_of(second(p), 10, F_WRLCK));
  p.call(Opcode::setlk, g, other);
  flush(p, f(p), first(p), 9);
  p.call(Opcode::setlk, g, other);
  flush(p, g, second(p), 10);
}

std::vector<Scenario> locks() {
  constexpr uint32_t kFlock = wire::lock_flag::flock;
  return {
      {"a lock keeps others out until FLUSH",
       opened_twice(),
       [](Play& p) {
         lock(p, first(p), 9, F_WRLCK), lock(p, second(p), 10, F_WRLCK);
         p.call(Opcode::getlk, f(p), body(lock_of(second(p), 10, F_RDLCK)));
         flush(p, f(p), first(p), 9);
         lock(p, second(p), 10, F_WRLCK), lock(p, first(p), 9, F_RDLCK);
       },
       {},
       nullptr,
       true},
      {"a lock of a file that is closed",
       opened_twice(),
       [](Play& p) {
         const uint64_t one = first(p), other = second(p);
         lock(p, one, 9, F_WRLCK, kFlock), lock(p, other, 10, F_WRLCK, kFlock);
         release(p, one, 9);
         lock(p, other, 10, F_WRLCK, kFlock);
       },
       {},
       nullptr,
       true},
      {"a lock that is granted before the former one is known to be gone",
       opened_twice("late"),
       [](Play& p) {
         lock(p, first(p), 9, F_WRLCK);
         const uint64_t unlocking =
             p.send(Opcode::setlk, f(p), body(lock_of(first(p), 9, F_UNLCK)));
         p.world().serve();
         lock(p, second(p), 10, F_WRLCK);
         read(p, second(p));
         p.answer(Opcode::setlk, unlocking);
       },
       {},
       nullptr,
       true},
      {"a lock that somebody else has when it is to be taken again",
       [](Play& p) {
         opened_twice("taken")(p);
         lock(p, first(p), 9, F_WRLCK);
       },
       [](Play& p) {
         read_without_lock(p);
         lock(p, first(p), 9, F_UNLCK);
         read(p, first(p));
       },
       {},
       nullptr,
       true},
      {"a lock of a file that has two names",
       [](Play& p) {
         FilePtr made;
         (void)p.disk().make(*p.disk().root, "f", S_IFREG | 0644, 0, "0123456789", &made);
         (void)p.disk().link(made, *p.disk().root, "g");
         p.open("/f"), p.open("/g");
         lock(p, first(p), 9, F_WRLCK);
       },
       lock_two_names},
  };
}

// Who is woken asks again: for what, no matter how often.
void note_woken(Play& p) {
  bool woken = false;
  while (const auto told = p.world().kernel().notification()) {
    uint64_t handle = 0;
    std::memcpy(&handle, told->payload.data(), std::min(sizeof handle, told->payload.size()));
    woken = woken || (told->code == wire::NotifyCode::poll && handle == kBell);
  }
  p.note(woken ? "woken" : "not woken");
}

void interrupted(Play& p) {
  wire::GetattrIn in{};
  const uint64_t waiting = p.send(Opcode::getattr, f(p), body(in));
  p.world().serve();
  p.world().kernel().interrupt(waiting);
  p.world().serve();
  p.call(Opcode::statfs, 1);
  p.answer(Opcode::getattr, waiting);
}

// In parts; each entry is seen once.
void list_all(Play& p) {
  p.note_names(1, first(p), 100);
}

std::vector<Scenario> others() {
  const auto sent = std::make_shared<uint64_t>();
  return {
      {"somebody waits in poll",
       opened_twice(),
       [](Play& p) {
         constexpr uint32_t kTellMe = wire::poll_flag::schedule_notify;
         p.call(Opcode::poll, f(p), body(wire::PollIn{first(p), kBell, kTellMe, 1}));
         wire::WriteIn in{};
         in.fh = second(p), in.size = 2;
         p.call(Opcode::write, f(p), body(in, "xy"));
         note_woken(p);
       },
       {},
       nullptr,
       true},
      {"a request that waits is interrupted",
       opened_twice("waits"),
       interrupted,
       {},
       nullptr,
       true},
      {"the server dies with an INTERRUPT in hand",
       [=](Play& p) {
         opened_twice("waits")(p);
         p.disk().walk("/f")->xattrs["once"] = "";
         *sent = p.send(Opcode::getattr, f(p), body(wire::GetattrIn{}));
         p.world().serve();
       },
       [=](Play& p) {
         p.world().kernel().interrupt(*sent);
         p.world().serve();
         p.call(Opcode::statfs, 1);
         p.answer(Opcode::getattr, *sent);
       },
       {},
       nullptr,
       true},
      {"a backing file",
       opened_twice("backing"),
       [](Play& p) {
         const auto opened = [&p] {
           const auto id = p.ask(Opcode::open, f(p), body(wire::OpenIn{O_RDWR, 0}))
                               .as<wire::OpenOut>()
                               .backing_id;
           if (!p.world().backings.contains(id)) p.note("one that is not registered");
           return id;
         };
         p.note(opened() == opened() ? "the same" : "another");
       },
       {},
       nullptr,
       true},
      {"servers crash of a request",
       [](Play& p) {
         opened_twice("deadly")(p);
         p.world().expect_poison();
       },
       [](Play& p) {
         p.call(Opcode::getattr, f(p), body(wire::GetattrIn{}));
         read(p, first(p));
       },
       {},
       nullptr,
       true},
      {"a folder that has another order with each server",
       [](Play& p) {
         for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i"}) {
           FilePtr made;
           (void)p.disk().make(*p.disk().root, name, S_IFREG | 0644, 0, name, &made);
         }
         p.disk().root->xattrs["shuffled"] = "";
         p.open("/", O_RDONLY, true);
       },
       list_all,
       {},
       nullptr,
       true},
  };
}

}  // namespace

const std::vector<Scenario>& shared_scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list = locks();
    for (Scenario& scenario : others()) list.push_back(std::move(scenario));
    return list;
  }();
  return all;
}

}  // namespace fuse3::reconnect
