#include "asked.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "play.h"
#include "wire/flags.h"

namespace fuse3::reconnect {
namespace {

using test::body;
using test::FakeKernel;
using wire::Opcode;

constexpr const char* kCalled = "MKDIR";
constexpr const char* kChanged = "after the change";
constexpr const char* kReceived = "after receiving";

struct Counts {
  uint64_t resent = 0, unknown = 0, missing = 0;
};

// A mount whose servers die where they are told to, and what was not as it has to be.
class Scene {
 public:
  explicit Scene(uint64_t not_offered = 0) { play_.connect(not_offered); }

  uint64_t mkdir(const char* name) {
    return play_.send(Opcode::mkdir, 1, body(wire::MkdirIn{0755, 0}, name));
  }
  void answered(uint64_t unique, int error = 0) {
    const test::Answer answer = world.wait(unique);
    expect(answer.error == error, "an answer is " + std::to_string(answer.error));
  }
  void expect(bool so, const std::string& otherwise) {
    if (!so) wrong_ += "    " + otherwise + "\n";
  }
  void expect_made(const char* name, bool made) {
    expect((world.disk.walk(std::string("/") + name) != nullptr) == made,
           std::string(name) + (made ? " was not made" : " was made"));
  }
  void expect_counts(const Counts& wanted) {
    using Figure = State::Figure;
    const Counts seen{world.state().figure(Figure::kernel_resent),
                      world.state().figure(Figure::resend_unknown),
                      world.state().figure(Figure::resend_missing)};
    expect(seen.resent == wanted.resent && seen.unknown == wanted.unknown &&
               seen.missing == wanted.missing,
           "sent again " + std::to_string(seen.resent) + ", unknown " +
               std::to_string(seen.unknown) + ", missing " + std::to_string(seen.missing));
  }
  uint32_t layout_of(int fd) const {
    uint32_t version = 0;
    return ::pread(fd, &version, sizeof version, offsetof(Fixed, layout_version)) == sizeof version
               ? version
               : 0;
  }
  // What the last server left, as it can be changed.
  std::unique_ptr<State> left_in(int fd) {
    std::string why;
    auto state = State::open(UniqueFd(::dup(fd)), &why);
    expect(bool(state), why);
    return state ? *std::move(state) : nullptr;
  }
  void lose_requests(int fd) {
    const auto state = left_in(fd);
    if (state) state->slots().for_each_used([](Slot slot) { slot.finish(); });
  }
  // Another worker of the dead server had received the next one.
  void receive_into_slot(State& state) {
    auto slot = state.slots().acquire();
    expect(bool(slot), "no slot");
    if (!slot) return;
    slot->arm(0);
    receive(slot->buffer());
  }
  void receive_and_lose() {
    std::vector<std::byte> room(64 * 1024);
    receive(room);
  }

  std::string end() {
    world.disarm();
    expect(world.kernel().resent_while_waiting() == 0, "it could have waited for ever");
    expect((::fcntl(world.device(), F_GETFL) & O_NONBLOCK) == 0, "the device waits no more");
    expect(!world.state().resend().begun, "it is not over");
    expect(layout_of(world.state().fd()) == kLayoutVersion, "the layout stays another one");
    play_.end();
    for (const std::string& problem : world.problems()) expect(false, problem);
    return wrong_;
  }

  World world{Interface::low_level, Passing::asked, {}};
  Play& play() { return play_; }

 private:
  // As the dead server, whose descriptor is closed.
  void receive(std::span<std::byte> room) {
    const UniqueFd device(world.kernel().open_device());
    const ssize_t got = world.kernel().read(device.get(), room.data(), room.size());
    expect(got > 0, "nothing to receive");
    world.kernel().device_moved(device.get(), world.device());
  }

  Play play_{world};
  std::string wrong_;
};

// It was done before the server died, and is answered once.
std::string in_a_slot() {
  Scene scene;
  scene.world.arm_at(kChanged);
  scene.answered(scene.mkdir("d"));
  scene.expect_counts({.resent = 1});
  return scene.end();
}

std::string in_no_slot() {
  Scene scene;
  scene.world.arm_at(kCalled);
  scene.world.before_successor([&](int fd) { scene.lose_requests(fd); });
  scene.answered(scene.mkdir("d"));
  scene.expect_made("d", true);
  scene.expect_counts({.resent = 1, .unknown = 1});
  return scene.end();
}

std::string lost_in_order() {
  Scene scene;
  scene.answered(scene.mkdir("d"));
  const uint64_t d = scene.play().node("/d");
  wire::SetattrIn older{}, younger{};
  older.valid = younger.valid = wire::fattr::mode;
  older.mode = S_IFDIR | 0700, younger.mode = S_IFDIR | 0711;
  scene.world.arm_at(kReceived);
  scene.world.before_successor([&](int fd) {
    scene.receive_and_lose();
    scene.lose_requests(fd);
  });
  const uint64_t first = scene.world.submit(Opcode::setattr, d, body(older));
  const uint64_t second = scene.world.submit(Opcode::setattr, d, body(younger));
  scene.answered(first);
  scene.answered(second);
  scene.expect_counts({.resent = 2, .unknown = 2});
  scene.expect((scene.world.disk.walk("/d")->mode & 0777) == 0711, "the older one was run last");
  return scene.end();
}

// Whoever asked for it was killed while the kernel was asked.
std::string not_sent_again() {
  Scene scene;
  scene.world.arm_at(kCalled);
  const uint64_t made = scene.mkdir("d");
  scene.world.kernel().forsake(made);
  scene.world.serve();
  scene.expect_made("d", false);
  scene.expect_counts({.missing = 1});
  return scene.end();
}

// A kernel that takes the question for granted and does nothing.
std::string nothing_sent_again() {
  Scene scene;
  scene.world.kernel().take_resend(FakeKernel::Resend::ignores);
  scene.world.arm_at(kChanged);
  scene.answered(scene.mkdir("d"));
  scene.expect_counts({.missing = 1});
  return scene.end();
}

std::string refused() {
  Scene scene;
  scene.world.kernel().take_resend(FakeKernel::Resend::refuses);
  scene.world.arm_at(kChanged);
  scene.answered(scene.mkdir("d"));
  scene.expect_counts({});
  return scene.end();
}

std::string not_offered() {
  Scene scene(wire::init_flag::has_resend);
  scene.world.arm_at(kChanged);
  scene.answered(scene.mkdir("d"));
  scene.expect(scene.world.kernel().resends() == 0, "it was asked");
  scene.expect_counts({});
  return scene.end();
}

// The second server dies between the question and what comes of it; the third would not ask.
std::string died_of_asking() {
  Scene scene;
  scene.world.arm_at(kChanged, "after a reply");
  scene.world.before_successor([&](int) {
    scene.world.before_successor([&](int fd) {
      scene.expect(scene.layout_of(fd) == kLayoutResending, "others are not kept out");
      scene.world.stop_asking();
    });
  });
  scene.answered(scene.mkdir("d"));
  scene.expect_counts({.resent = 1});
  scene.expect(scene.world.kernel().resends() == 2, "it was not asked again");
  return scene.end();
}

constexpr std::array kNames = {"a", "b", "c", "d", "e"};

// Requests of which the dead server has received as many as there are slots, and the last one
// perhaps without a trace.
std::array<uint64_t, kNames.size()> fill_slots(Scene& scene, bool last_is_lost) {
  scene.world.arm_at(kReceived);
  scene.world.before_successor([&scene, last_is_lost](int fd) {
    const auto state = scene.left_in(fd);
    if (!state) return;
    state->slots().adopt();
    for (int i = 0; i < 3; ++i) scene.receive_into_slot(*state);
    if (last_is_lost) scene.receive_and_lose();
  });
  std::array<uint64_t, kNames.size()> made;
  for (size_t i = 0; i < made.size(); ++i) made[i] = scene.mkdir(kNames[i]);
  return made;
}

// All slots are in hand; what has none gets that of a request whose caller is gone.
std::string no_room() {
  Scene scene;
  const auto made = fill_slots(scene, false);
  scene.world.kernel().forsake(made[0]);
  for (int i = 1; i < 5; ++i) scene.answered(made[i]);
  scene.expect_made("a", false);
  for (int i = 1; i < 5; ++i) scene.expect_made(kNames[i], true);
  scene.expect_counts({.resent = 3, .missing = 1});
  return scene.end();
}

std::string no_room_at_all() {
  Scene scene;
  const auto made = fill_slots(scene, true);
  for (int i = 0; i < 4; ++i) scene.answered(made[i]);
  scene.answered(made[4], -EIO);
  scene.expect_counts({.resent = 5, .unknown = 1});
  return scene.end();
}

struct Difference {
  const char* name;
  std::string (*play)();
};
constexpr Difference kDifferences[] = {
    {"sent again, and in a slot", in_a_slot},
    {"sent again, and in no slot", in_no_slot},
    {"sent again in another order", lost_in_order},
    {"in a slot, and not sent again", not_sent_again},
    {"in slots, and nothing is sent again", nothing_sent_again},
    {"the kernel refuses", refused},
    {"the kernel cannot", not_offered},
    {"died of asking", died_of_asking},
    {"new while all slots are in hand", no_room},
    {"in no slot while all slots are in hand", no_room_at_all},
};

}  // namespace

const char* wrong_when_asked(std::string* how) {
  for (const Difference& difference : kDifferences) {
    *how = difference.play();
    if (!how->empty()) return difference.name;
  }
  return nullptr;
}

}  // namespace fuse3::reconnect
