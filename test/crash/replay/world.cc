#include "world.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "reconnect/seam/connection.h"
#include "session/session.h"

namespace fuse3::reconnect {
namespace {

constexpr size_t kStack = 512 * 1024;
// One for each of the deaths and crashes there may be, the one that serves, and one too many.
constexpr size_t kMostCrashes = 5;
constexpr size_t kMostServers = kMostCrashes + 3;
constexpr Geometry kTiny{
    .max_nodes = 256, .max_handles = 64, .max_slots = 4, .slot_buffer_size = 16 * kPage};

World* running = nullptr;

// The kernel's part of what a server's successor meets.
class NoHolder final : public Holder {
 public:
  bool kernel_sends_again() const override { return true; }
  Result<void> hello(bool) override { return {}; }
  Result<void> add_device(unsigned, int) override { return {}; }
  Result<void> serving() override { return {}; }
  Result<void> drained(unsigned) override { return {}; }
  Result<void> goodbye() override { return {}; }
  void after_daemonize_fork() override {}
  Result<void> start_watch(Describe, std::function<void()>) override { return {}; }
};

ssize_t device_writev(int fd, iovec* pieces, int count, void*) {
  World& world = *running;
  world.reached("before a reply");
  const ssize_t result = world.kernel().write(fd, pieces, count);
  const int error = errno;
  world.reached("after a reply");
  errno = error;
  return result;
}

ssize_t device_read(int fd, void* buffer, size_t size, void*) {
  World& world = *running;
  const ssize_t got = world.kernel().read(fd, buffer, size);
  world.reached("after receiving");
  return got;
}

}  // namespace

// In place of the library's: the kernel of here has no numbers of its own.
extern "C" int __wrap__ZN5fuse313close_backingEii(int, int id);
int __wrap__ZN5fuse313close_backingEii(int, int id) {
  return running->backings.erase(id) == 1 ? 0 : -ENOENT;
}

namespace {

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

World::World(Interface interface, Passing passing, std::vector<const char*> options)
    : interface_(interface), passing_(passing), options_(std::move(options)), stack_(kStack) {
  StateParameters parameters;
  parameters.connection = 42;
  parameters.owner = ::getuid();
  parameters.geometry = kTiny;
  auto state = State::create(UniqueFd(::memfd_create("state", MFD_CLOEXEC)), parameters);
  if (!state || !(*state)->add_device()) fail("no state");
  state_fd_.reset(::dup((*state)->fd()));
  first_ = *std::move(state);
}

World::~World() {
  bury();
}

void World::arm(Deaths deaths) {
  deaths_ = deaths;
  armed_ = true;
}

void World::arm_at(const char* first, const char* second) {
  places_[0] = first;
  places_[1] = second;
  arm({});
}

void World::disarm() {
  armed_ = false;
}

void World::reached(const char* place) {
  if (!armed_ || life_ > 2) return;
  const int here = stops_[life_]++;
  if (const char* wanted = life_ < 2 ? places_[life_] : nullptr) {
    if (std::strcmp(wanted, place) == 0) die(place, SIGKILL);
  }
  const int target = life_ == 0 ? deaths_.first : life_ == 1 ? deaths_.second : -1;
  if (here != target) return;
  die(place, SIGKILL);
}

void World::crash() {
  if (life_ >= kMostCrashes) return complain("what servers crash of is run again and again");
  die("of what it ran", SIGSEGV);
}

void World::die(const char* place, int signal) {
  died_at_ += (died_at_.empty() ? "" : ", then ") + std::string(place);
  end_ = signal;
  dead_ = true;
  swapcontext(&server_, &driver_);
  fail("a dead server went on");
}

// The next server: the first one, or a successor. False: it does not want the state.
bool World::start() {
  std::unique_ptr<State> state = std::move(first_);
  const bool successor = state == nullptr;
  if (successor) {
    if (look_) std::exchange(look_, nullptr)(state_fd_.get());
    std::string why;
    auto left = State::open(UniqueFd(::dup(state_fd_.get())), &why);
    if (!left) {
      if (why.empty()) fail("no reason was given");
      return false;
    }
    state = *std::move(left);
  }
  const auto generation = state->generation();
  if (!state->claim(generation, ::getpid()) || (successor && !state->recover())) {
    return false;
  }
  filesystem_ = interface_ == Interface::low_level ? new_low_level(*this, generation.value + 1)
                                                   : new_high_level(*this, generation.value + 1);
  fuse_session* session = filesystem_->session();
  fuse_custom_io io{};
  io.writev = device_writev;
  io.read = device_read;
  const int device = kernel_.open_device();
  const bool attached = successor && passing_ == Passing::attached;
  if (attached) {
    kernel_.attached();
  } else {
    kernel_.device_moved(device_, device);
  }
  device_ = device;
  if (fuse_session_custom_io(session, &io, device) != 0) fail("no session");
  session->options.reattach_resend = passing_ == Passing::asked && asks_;
  session->sizes.receive = state->mapping().sections().slot_buffer_size - kReplyRoom;
  use(*session, std::make_unique<ReconnectSeam>(*session, std::move(state),
                                                attached ? std::make_unique<NoHolder>() : nullptr,
                                                UniqueFd(), "", successor, end_));
  serving_ = false;
  return true;
}

// Its memory and descriptors go with it; what lies on its stack stays as it is.
void World::bury() {
  if (!filesystem_) return;
  fuse_session* session = filesystem_->session();
  session->seam.reset();
  session->devices.clear();
  (void)filesystem_.release();  // whatever holds it is on the dead stack
}

void World::entry() {
  World& world = *running;
  world.run();
}

// A worker with one place, as far as the kernel has requests.
void World::run() {
  if (refused_ || (!filesystem_ && !start())) {
    refused_ = true;
    return complain("the state was refused");
  }
  fuse_session& session = *filesystem_->session();
  Seam& seam = *session.seam;
  if (!std::exchange(serving_, true) && !seam.serving()) {
    refused_ = true;
    return complain("it does not serve");
  }
  Lane* lane = take_lane(session);
  Place place;
  for (;;) {
    const auto next = seam.place(place, 0);
    if (!next) return complain("there is no place");
    place = *next;
    if (place.filled == 0) {
      if (kernel_.queued() == 0) break;
      const auto got = session.transport->receive(device_, {place.memory, session.sizes.receive});
      if (!got) return complain("nothing was received");
      place.filled = *got;
      place.device = device_;
    }
    fuse3::serve(session, *lane, place, place.device, place.filled, 0, -1);
  }
  seam.give_back(place);
  give_lane(session, lane);
}

void World::serve() {
  for (size_t servers = 0; servers < kMostServers; ++servers) {
    running = this;
    dead_ = false;
    getcontext(&server_);
    server_.uc_stack.ss_sp = stack_.data();
    server_.uc_stack.ss_size = stack_.size();
    server_.uc_link = &driver_;
    makecontext(&server_, &World::entry, 0);
    swapcontext(&driver_, &server_);
    if (!dead_) return;
    bury();
    // Something of it may still be looked at by what it left on the heap.
    stack_ = std::vector<char>(kStack);
    ++life_;
  }
}

uint64_t World::submit(wire::Opcode opcode, uint64_t node, const test::Bytes& body) {
  return kernel_.submit(opcode, node, body, {0, 0, 1002});
}

test::Answer World::wait(uint64_t unique) {
  if (!kernel_.answered(unique)) serve();
  if (kernel_.answered(unique)) return kernel_.wait(unique);
  complain("a request was never answered");
  return {};
}

std::vector<std::string> World::problems() {
  std::vector<std::string> all = complaints_;
  std::string why;
  if (!state().verify_full(&why)) all.push_back("the tables: " + why);
  if (state().nodes().count() != 1) all.push_back("nodes are left");
  state().handles().for_each([&](uint32_t) { all.push_back("a handle is left"); });
  if (state().locks().count() != 0) all.push_back("a lock is left");
  state().slots().for_each_used([&](const Slot&) { all.push_back("a request is left"); });
  const bool poisoned = state().figure(State::Figure::poisoned) != 0;
  if ((poisoned && !poison_expected_) || state().figure(State::Figure::stale) != 0) {
    all.push_back("something was poisoned or stale");
  }
  if (!backings.empty()) all.push_back("a backing file is left");
  if (disk.picture().find(".fuse_hidden") != std::string::npos) {
    all.push_back("a hidden file is left");
  }
  const std::string left = filesystem_->left();
  if (!left.empty()) all.push_back(left);
  for (const std::string& violation : kernel_.violations()) {
    // A successor sends what it finds stored, whether or not it had arrived.
    if (violation.find("a second reply") == std::string::npos) all.push_back(violation);
  }
  return all;
}

}  // namespace fuse3::reconnect
