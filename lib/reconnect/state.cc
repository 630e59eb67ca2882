#include "reconnect/state.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "reconnect/crash_point.h"
#include "support/hash.h"

namespace fuse3::reconnect {
namespace {

constexpr uint64_t make_incarnation(uint64_t generation, pid_t pid) {
  return generation << 32 | static_cast<uint32_t>(pid);
}

struct ProcessStat {
  char state = 0;  // 0: no such process
  long threads = 0;
  uint64_t start_time = 0;
};

// The fields of /proc/PID/stat after the command, which may itself contain blanks and parentheses.
ProcessStat read_stat(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid));
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  char text[1024];
  const ssize_t length = ::read(fd.get(), text, sizeof text - 1);
  if (length <= 0) return {};
  text[length] = '\0';
  const char* at = std::strrchr(text, ')');
  if (!at || at[1] != ' ') return {};
  ProcessStat stat;
  stat.state = at[2];
  constexpr int kState = 3, kThreads = 20, kStartTime = 22;
  at += 2;
  for (int field = kState; field < kStartTime; ++field) {
    at = std::strchr(at, ' ');
    if (!at) return {};
    ++at;
    if (field + 1 == kThreads) stat.threads = std::strtol(at, nullptr, 10);
  }
  stat.start_time = std::strtoull(at, nullptr, 10);
  return stat;
}

Result<void> save(std::span<const std::byte> bytes, uint8_t (&place)[kInitBytes],
                  uint32_t& length) {
  if (bytes.size() > kInitBytes) return Error{EMSGSIZE};
  // Never a length with bytes of something else.
  store(length, 0);
  keep_order();
  std::memcpy(place, bytes.data(), bytes.size());
  // The message is not there; it will come again or be made again.
  crash_point(CrashPoint::init_bytes_written);
  store(length, static_cast<uint32_t>(bytes.size()));
  return {};
}

std::span<const std::byte> saved(const uint8_t (&place)[kInitBytes], const uint32_t& length) {
  const uint32_t n = load(length);
  if (n > kInitBytes) return {};
  return std::as_bytes(std::span(place)).first(n);
}

}  // namespace

Server server_of(const Header& header) {
  const uint64_t incarnation = load(header.incarnation);
  Server server{.pid = static_cast<pid_t>(incarnation & INT32_MAX)};
  if (load(header.start_generation) == incarnation >> 32) {
    server.start_time = load(header.start_time);
  }
  return server;
}

bool is_alive(const Server& server) {
  if (server.pid == 0) return false;
  const ProcessStat stat = read_stat(server.pid);
  // A process whose first thread has ended looks like a zombie while the others run.
  const bool runs = stat.state != 0 && !(std::strchr("ZXx", stat.state) && stat.threads <= 1);
  return runs && (server.start_time == 0 || server.start_time == stat.start_time);
}

uint64_t process_start_time(pid_t pid) {
  return read_stat(pid).start_time;
}

State::State(Mapping mapping)
    : mapping_(std::move(mapping)),
      nodes_(*this, mapping_, lock_),
      streams_(*this, mapping_, lock_),
      handles_(*this, mapping_, lock_),
      locks_(*this, mapping_, lock_),
      slots_(mapping_) {}

Result<std::unique_ptr<State>> State::create(UniqueFd fd, const StateParameters& parameters) {
  auto mapping = Mapping::create(std::move(fd), parameters);
  if (!mapping) return mapping.as_error();
  std::unique_ptr<State> state(new State(*std::move(mapping)));
  if (auto ok = state->nodes_.make_root(); !ok) return ok.as_error();
  return state;
}

Result<std::unique_ptr<State>> State::open(UniqueFd fd, std::string* why) {
  auto mapping = Mapping::open(std::move(fd), why);
  if (!mapping) return mapping.as_error();
  return std::unique_ptr<State>(new State(*std::move(mapping)));
}

Generation State::generation() const {
  return Generation{load(header().incarnation) >> 32};
}

Result<Generation> State::claim(Generation expected, pid_t pid) {
  if (expected.value >= UINT32_MAX - 1) return Error{EOVERFLOW};
  uint64_t before = load(header().incarnation);
  if (before >> 32 != expected.value) return Error{EBUSY};
  const Generation mine{expected.value + 1};
  std::atomic_ref<uint64_t> incarnation(header().incarnation);
  if (!incarnation.compare_exchange_strong(before, make_incarnation(mine.value, pid))) {
    return Error{EBUSY};
  }
  // The generation is this process's, whose start time is not known to others yet.
  crash_point(CrashPoint::generation_claimed);
  note_start_time(mine, pid);
  // What is written from here on may be more than an older library would understand.
  store(header().fixed.layout_version,
        resend().begun ? kLayoutResending : mapping_.layout_version());
  nodes_.begin_generation(mine);
  handles_.begin_generation(mine);
  return mine;
}

void State::note_start_time(Generation generation, pid_t pid) {
  store(header().start_time, process_start_time(pid));
  store(header().start_generation, generation.value);
}

void State::set_pid(pid_t pid) {
  const Generation mine = generation();
  store(header().start_generation, 0);
  store(header().incarnation, make_incarnation(mine.value, pid));
  note_start_time(mine, pid);
  slots_.none_is_present();
}

void State::leave() {
  store(header().start_generation, 0);
  store(header().incarnation, make_incarnation(generation().value, 0));
}

// Of another generation than the last one's it is of an outage that is over: a library that does
// not know the word has served since.
uint64_t State::count_outage() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const uint64_t mine = generation().value;
  const uint64_t last = load(header().outage);
  const auto second = static_cast<uint32_t>(now.tv_sec);
  const uint32_t began = last >> 32 == mine - 1 ? static_cast<uint32_t>(last) : second;
  store(header().outage, mine << 32 | began);
  return second - began;
}

void State::end_outage() {
  store(header().outage, 0);
}

// The seed itself must not be known to who chooses names of files.
uint64_t State::nonce() const {
  return hash_bytes(header().fixed.hash_seed, "nonce");
}

Result<size_t> State::recover() {
  auto redone = redo_all(*this);
  if (redone) slots_.adopt();
  // An earlier version's lists of free records are not kept up from here on.
  store(header().heads.node_free, 0);
  store(header().heads.handle_free, 0);
  return redone;
}

Result<void> State::save_init_request(std::span<const std::byte> bytes) {
  return save(bytes, header().init_request, header().init_request_length);
}

Result<void> State::save_init_reply(std::span<const std::byte> bytes) {
  return save(bytes, header().init_reply, header().init_reply_length);
}

std::span<const std::byte> State::init_request() const {
  return saved(header().init_request, header().init_request_length);
}

std::span<const std::byte> State::init_reply() const {
  return saved(header().init_reply, header().init_reply_length);
}

State::KernelCount State::kernel_count() const {
  const uint64_t word = load(header().kernel_servers);
  const uint64_t servers = word & ~kPerhapsCounted;
  return {.servers = servers == 0 ? 1 : servers, .perhaps_one_more = word != servers};
}

void State::set_kernel_count(KernelCount count) {
  store(header().kernel_servers, count.servers | (count.perhaps_one_more ? kPerhapsCounted : 0));
}

State::Resend State::resend() const {
  const uint64_t word = load(header().resend);
  return {.begun = (word & kResendBegun) != 0, .unblocked = (word & kResendUnblocked) != 0};
}

void State::begin_resend(bool unblocks) {
  store(header().resend, kResendBegun | (unblocks ? kResendUnblocked : 0));
  store(header().fixed.layout_version, kLayoutResending);
}

void State::end_resend() {
  store(header().fixed.layout_version, mapping_.layout_version());
  store(header().resend, 0);
}

uint32_t State::device_count() const {
  return load(header().device_count);
}

Result<uint32_t> State::add_device() {
  std::atomic_ref<uint32_t> count(header().device_count);
  uint32_t index = count.load(std::memory_order_acquire);
  do {
    if (index >= kMaxDevices) return Error{ENOSPC};
  } while (!count.compare_exchange_weak(index, index + 1));
  return index;
}

uint64_t& State::word(Figure figure) const {
  Figures& figures = header().figures;
  switch (figure) {
    case Figure::replayed:
      return figures.replayed;
    case Figure::resent:
      return figures.resent;
    case Figure::poisoned:
      return figures.poisoned;
    case Figure::stale:
      return figures.stale;
    case Figure::kernel_resent:
      return header().kernel_resent;
    case Figure::resend_unknown:
      return header().resend_unknown;
    case Figure::resend_missing:
      return header().resend_missing;
    case Figure::deaths:
      break;
  }
  return figures.deaths;
}

void State::count(Figure figure, uint64_t n) {
  std::atomic_ref<uint64_t>(word(figure)).fetch_add(n, std::memory_order_relaxed);
}

uint64_t State::figure(Figure figure) const {
  return load(word(figure));
}

Result<void> State::verify_full(std::string* why) {
  for (uint32_t i = 0; i < slots_.count(); ++i) {
    const SlotHeader& header = slots_.at(i).header();
    if (header.journal_count != 0 || header.cascade != 0 ||
        header.stage > static_cast<uint32_t>(Stage::replied)) {
      if (why) *why = "slot " + std::to_string(i) + " is in the middle of something";
      return Error{EUCLEAN};
    }
  }
  if (auto ok = nodes_.verify(why); !ok) return ok;
  if (auto ok = streams_.verify(why); !ok) return ok;
  if (auto ok = handles_.verify(why); !ok) return ok;
  for (const RecordSpace* space : {&nodes_.space(), &handles_.space()}) {
    if (const char* problem = space->problem(); problem != nullptr) {
      if (why) *why = problem;
      return Error{EUCLEAN};
    }
  }
  return locks_.verify(why);
}

}  // namespace fuse3::reconnect
