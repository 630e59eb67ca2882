#include "reconnect/state.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <thread>

#include "reconnect/seam/claim.h"
#include "sandbox.h"

namespace fuse3::reconnect {
namespace {

std::string refusal(UniqueFd fd) {
  std::string why;
  auto state = State::open(std::move(fd), &why);
  EXPECT_FALSE(state.ok());
  EXPECT_EQ(state.error(), EPROTO);
  EXPECT_FALSE(why.empty());
  return why;
}

void overwrite(int fd, uint64_t offset, const auto& value) {
  ASSERT_EQ(::pwrite(fd, &value, sizeof value, static_cast<off_t>(offset)),
            static_cast<ssize_t>(sizeof value));
}

TEST(State, KeepsWhatItWasMadeWith) {
  auto state = new_state();
  ASSERT_NE(state, nullptr);
  std::string why;
  auto next = State::open(copy_of(*state), &why);
  ASSERT_TRUE(next.ok()) << why;
  EXPECT_EQ((*next)->connection(), 42u);
  EXPECT_EQ((*next)->owner(), ::getuid());
  EXPECT_EQ((*next)->executable(), "/usr/bin/server");
  EXPECT_EQ((*next)->options(), "rw,allow_other");
  EXPECT_EQ((*next)->mountpoint(), "/mnt");
  EXPECT_EQ((*next)->generation().value, 1u);
  EXPECT_EQ((*next)->server().pid, ::getpid());
  EXPECT_EQ((*next)->server().start_time, process_start_time(::getpid()));
}

TEST(State, TextsThatDoNotFit) {
  StateParameters parameters;
  parameters.geometry = kSmall;
  const std::string text(kTextBytes, 'x');
  parameters.options = text;
  EXPECT_EQ(State::create(new_memfd(), parameters).error(), E2BIG);
  parameters.options = std::string_view(text).substr(1);
  EXPECT_TRUE(State::create(new_memfd(), parameters).ok());
}

TEST(State, ImpossibleGeometry) {
  for (const Geometry& geometry :
       {Geometry{.max_nodes = 1}, Geometry{.max_handles = 0}, Geometry{.max_slots = 0},
        Geometry{.slot_buffer_size = 100}, Geometry{.max_nodes = UINT32_MAX}}) {
    StateParameters parameters;
    parameters.geometry = geometry;
    EXPECT_EQ(State::create(new_memfd(), parameters).error(), EINVAL);
  }
}

// What the library of the version before has left: all but the streams of directories.
TEST(State, TheFirstLayoutIsTakenOver) {
  auto old = new_state(kSmall, 1);
  const Slot slot = take_slot(*old);
  const auto node =
      old->nodes().grant(slot, kRootNode, "file", 100, 1, file(5), SlotPublish::none());
  const auto opened =
      old->handles().grant(slot, kRootNode, 7, 0, 0, HandleKind::directory, SlotPublish::none());
  ASSERT_TRUE(node.ok() && opened.ok());
  UniqueFd fd = copy_of(*old);
  overwrite(fd.get(), offsetof(Fixed, layout_version), uint32_t{1});
  std::string why;
  auto next = succeed(std::move(fd), &why);
  ASSERT_NE(next, nullptr) << why;
  EXPECT_EQ(next->mapping().header().fixed.layout_version, kLayoutWithoutLocks);
  EXPECT_EQ(next->nodes().find_edge(kRootNode, "file"), node->id);
  const auto handle = next->handles().find(*opened);
  ASSERT_TRUE(handle.ok());
  EXPECT_EQ(next->streams().position(handle->index, 3), std::nullopt);
  const StreamEntry entry{3, 33};
  EXPECT_EQ(next->streams().put(take_slot(*next), *opened, 0, {&entry, 1}), 1u);
  expect_sound(*next);
}

TEST(State, MemfdCannotShrink) {
  StateParameters parameters;
  parameters.geometry = kSmall;
  auto state =
      State::create(UniqueFd(::memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING)), parameters);
  ASSERT_TRUE(state.ok());
  EXPECT_NE(::ftruncate((*state)->fd(), 0), 0);
}

TEST(State, RefusesWhatItDoesNotKnow) {
  auto state = new_state();
  UniqueFd empty = new_memfd();
  EXPECT_NE(refusal(std::move(empty)).find("too short"), std::string::npos);
  UniqueFd fd = copy_of(*state);
  overwrite(fd.get(), 0, uint64_t{1});
  EXPECT_NE(refusal(std::move(fd)).find("not a reconnect state"), std::string::npos);
  fd = copy_of(*state);
  overwrite(fd.get(), offsetof(Fixed, layout_version), uint32_t{77});
  EXPECT_NE(refusal(std::move(fd)).find("layout version 77"), std::string::npos);
  fd = copy_of(*state);
  overwrite(fd.get(), offsetof(Fixed, layout_version), uint32_t{0});
  EXPECT_NE(refusal(std::move(fd)).find("layout version 0"), std::string::npos);
  fd = copy_of(*state);
  overwrite(fd.get(), offsetof(Fixed, mountpoint) + 1, 'x');
  EXPECT_NE(refusal(std::move(fd)).find("checksum"), std::string::npos);
  fd = copy_of(*state);
  ASSERT_EQ(::ftruncate(fd.get(), static_cast<off_t>(state->mapping().size() - kPage)), 0);
  EXPECT_NE(refusal(std::move(fd)).find("bytes instead of"), std::string::npos);
  fd = copy_of(*state);
  overwrite(fd.get(), offsetof(Header, slots_ready), uint32_t{9});
  EXPECT_NE(refusal(std::move(fd)).find("slots"), std::string::npos);
  fd = copy_of(*state);
  overwrite(fd.get(), offsetof(Header, heads) + offsetof(Heads, node_high_water), uint32_t{99999});
  EXPECT_NE(refusal(std::move(fd)).find("node records"), std::string::npos);
  fd = copy_of(*state);
  overwrite(fd.get(), offsetof(Header, init_reply_length), uint32_t{257});
  EXPECT_NE(refusal(std::move(fd)).find("INIT"), std::string::npos);
}

TEST(State, NeverClaimedIsNotUsed) {
  StateParameters parameters;
  parameters.geometry = kSmall;
  auto state = State::create(new_memfd(), parameters);
  ASSERT_TRUE(state.ok());
  EXPECT_NE(refusal(copy_of(**state)).find("never"), std::string::npos);
}

TEST(State, OneOfTwoSuccessorsWins) {
  auto state = new_state();
  std::string why;
  const int fd = state->fd();
  auto a = State::open(UniqueFd(::dup(fd)), &why);
  auto b = State::open(UniqueFd(::dup(fd)), &why);
  ASSERT_TRUE(a.ok() && b.ok());
  const Generation seen = (*a)->generation();
  auto first = (*a)->claim(seen, 100);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->value, 2u);
  EXPECT_EQ((*b)->claim(seen, 101).error(), EBUSY);
  EXPECT_EQ((*b)->server().pid, 100);
}

TEST(State, OfThoseWhoSeeTheServerDeadAtOnceOneWins) {
  constexpr size_t kThreads = 4;
  for (int round = 0; round < 100; ++round) {
    auto state = new_state();
    ASSERT_NE(state, nullptr);
    state->set_pid(0);
    std::array<std::unique_ptr<State>, kThreads> states;
    std::string why;
    for (auto& opened : states) opened = *State::open(UniqueFd(::dup(state->fd())), &why);
    std::atomic<size_t> ready{0};
    std::atomic<unsigned> winners{0};
    std::array<std::thread, kThreads> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads[i] = std::thread([&, i] {
        for (++ready; ready < kThreads;) ::sched_yield();
        if (claim(*states[i])) ++winners;
      });
    }
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(winners, 1u) << "round " << round;
    ASSERT_EQ(state->generation().value, 2u);
  }
}

TEST(State, CountsAnOutageOverItsSuccessors) {
  auto state = new_state();
  const auto claim = [&] { ASSERT_TRUE(state->claim(state->generation(), ::getpid()).ok()); };
  // As if the first successor had come 100 s ago.
  const auto make_older = [&] { state->mapping().header().outage -= 100; };
  claim();
  EXPECT_LE(state->count_outage(), 1u);
  make_older();
  claim();
  EXPECT_GE(state->count_outage(), 100u);
  claim();
  EXPECT_GE(state->count_outage(), 100u);
  state->end_outage();
  claim();
  EXPECT_LE(state->count_outage(), 1u);
  // One that knows nothing of outages has served since.
  make_older();
  claim();
  claim();
  EXPECT_LE(state->count_outage(), 1u);
}

TEST(State, KnowsHowManyServersTheKernelHasCounted) {
  auto state = new_state();
  EXPECT_EQ(state->mount_id(), 0u);
  EXPECT_EQ(state->kernel_count().servers, 1u);
  EXPECT_FALSE(state->kernel_count().perhaps_one_more);
  state->set_mount_id(uint64_t{7} << 40);
  state->set_kernel_count({.servers = 4, .perhaps_one_more = true});
  std::string why;
  auto next = State::open(copy_of(*state), &why);
  ASSERT_TRUE(next.ok()) << why;
  EXPECT_EQ((*next)->mount_id(), uint64_t{7} << 40);
  EXPECT_EQ((*next)->kernel_count().servers, 4u);
  EXPECT_TRUE((*next)->kernel_count().perhaps_one_more);
  (*next)->set_kernel_count({.servers = 5, .perhaps_one_more = false});
  EXPECT_EQ((*next)->kernel_count().servers, 5u);
  EXPECT_FALSE((*next)->kernel_count().perhaps_one_more);
}

TEST(State, HasANonceOfItsOwn) {
  auto one = new_state();
  auto other = new_state();
  EXPECT_NE(one->nonce(), other->nonce());
  EXPECT_NE(one->nonce(), one->mapping().header().fixed.hash_seed);
}

TEST(State, SeesWhetherTheServerLives) {
  auto state = new_state();
  EXPECT_TRUE(state->server_alive());
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  state->set_pid(child);
  EXPECT_EQ(state->generation().value, 1u);
  EXPECT_TRUE(state->server_alive());
  ::kill(child, SIGKILL);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(state->server_alive()) << "not reaped yet, but dead";
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(state->server_alive());
  // Another process that got the number.
  state->set_pid(::getpid());
  state->mapping().header().start_time += 1;
  EXPECT_FALSE(state->server_alive());
}

TEST(State, KeepsInit) {
  auto state = new_state();
  EXPECT_TRUE(state->init_request().empty());
  std::array<std::byte, kInitBytes> bytes;
  bytes.fill(std::byte{3});
  ASSERT_TRUE(state->save_init_request(bytes).ok());
  ASSERT_TRUE(state->save_init_reply(std::span(bytes).first(64)).ok());
  EXPECT_EQ(state->init_request().size(), kInitBytes);
  EXPECT_EQ(state->init_reply().size(), 64u);
  EXPECT_EQ(state->init_reply()[63], std::byte{3});
  EXPECT_EQ(state->save_init_reply(std::array<std::byte, kInitBytes + 1>{}).error(), EMSGSIZE);
  EXPECT_EQ(state->init_reply().size(), 64u);
}

TEST(State, CountsDevicesAndFigures) {
  auto state = new_state();
  for (uint32_t i = 0; i < kMaxDevices; ++i) EXPECT_EQ(*state->add_device(), i);
  EXPECT_EQ(state->add_device().error(), ENOSPC);
  EXPECT_EQ(state->device_count(), kMaxDevices);
  state->count(State::Figure::replayed);
  state->count(State::Figure::replayed, 2);
  state->count(State::Figure::deaths);
  state->set_last_recovery_ns(77);
  std::string why;
  auto next = succeed(copy_of(*state), &why);
  ASSERT_NE(next, nullptr) << why;
  EXPECT_EQ(next->figure(State::Figure::replayed), 3u);
  EXPECT_EQ(next->figure(State::Figure::deaths), 1u);
  EXPECT_EQ(next->figure(State::Figure::stale), 0u);
  EXPECT_EQ(next->last_recovery_ns(), 77u);
}

TEST(State, TinyMountTakesLittleMemory) {
  auto state = new_state(Geometry{});
  ASSERT_NE(state, nullptr);
  Slot slot;
  for (uint64_t i = 0; i < 100; ++i) {
    if (!slot) slot = take_slot(*state);
    ASSERT_TRUE(state->nodes()
                    .grant(slot, kRootNode, "f" + std::to_string(i), 10 + i, 0, file(10 + i),
                           SlotPublish::none())
                    .ok());
  }
  struct stat st;
  ASSERT_EQ(::fstat(state->fd(), &st), 0);
  const uint64_t slot_bytes = kPage + Geometry{}.slot_buffer_size;
  EXPECT_LT(static_cast<uint64_t>(st.st_blocks) * 512, slot_bytes + 256 * 1024);
}

// On a tmpfs of its own that is full before the tables are; what goes wrong, or 0.
int fill_small_tmpfs(const char* directory) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", directory, "tmpfs", 0, "size=256k") != 0) {
    return 1;
  }
  StateParameters parameters;
  parameters.geometry = kSmall;
  const std::string path = std::string(directory) + "/state";
  auto made =
      State::create(UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)), parameters);
  if (!made || !(*made)->claim(Generation{0}, ::getpid())) return 2;
  State& state = **made;
  const Slot slot = *state.slots().acquire();
  int error = 0;
  uint32_t granted = 0;
  for (; error == 0; ++granted) {
    error = state.nodes()
                .grant(slot, kRootNode, "f" + std::to_string(granted), 10 + granted, 0,
                       file(10 + granted), SlotPublish::none())
                .error();
  }
  if (error != ENOMEM || granted < 500 || granted > kSmall.max_nodes - 8) return 3;
  while (state.slots().acquire()) {
  }
  if (state.slots().acquire().error() != ENOMEM) return 4;
  const UniqueFd rest(::open((path + ".rest").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  while (::write(rest.get(), directory, 1) == 1) {
  }
  const auto opened =
      state.handles().grant(slot, kRootNode, 7, 0, 0, HandleKind::file, SlotPublish::none());
  if (opened.error() != ENOMEM) return 7;
  if (!state.verify_full(nullptr)) return 5;
  return state.nodes()
                     .forget(slot, *state.nodes().node_id_of_fs_ino(10), 1, SlotPublish::none())
                     ->count == 1
             ? 0
             : 6;
}

TEST(State, FullFilesystemIsNoMemory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount a small tmpfs";
  char directory[] = "/tmp/fuse3-test-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(fill_small_tmpfs(directory));
  int status = 0;
  ::waitpid(child, &status, 0);
  ::rmdir(directory);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  if (WEXITSTATUS(status) == 1) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace fuse3::reconnect
