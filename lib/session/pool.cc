#include "session/pool.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "session/worker_load.h"
#include "support/clock.h"
#include "support/futex.h"
#include "support/log.h"

namespace fuse3 {
namespace {

constexpr long kTick = 2'000'000;  // ns
constexpr unsigned kTicksBeforeDozing = 50;

size_t stack_size() {
  const char* text = std::getenv("FUSE_THREAD_STACK");
  return text != nullptr ? std::strtoul(text, nullptr, 0) : 0;
}

}  // namespace

struct Pool::Member {
  explicit Member(Pool& owner) : pool(owner) {}

  Pool& pool;
  pthread_t thread{};
  int device = -1;
  size_t clone = 0;  // index of its own device; 0: shares the first
  std::atomic<uint32_t> parked{0};
  std::atomic<bool> finished{false};
  std::atomic<uint64_t> rounds{0};  // requests run
  // Whose the last one was, of those since the monitor looked; 0: nobody's that is known.
  std::atomic<uint32_t> client{0};
  std::atomic<uint64_t> turns{0};  // how often that was another one than before
  Waiting waiting;
  bool reads = false;      // its own; the monitor's when it was joined
  bool cancelled = false;  // the monitor's note
  std::unique_ptr<Worker> worker;

  // The kernel knows no name (0) for itself, and none for clients outside of the pid namespace of
  // whoever mounted.
  void note_client(uint32_t pid) {
    const uint32_t before = client.load(std::memory_order_relaxed);
    if (pid == 0 || pid == before) return;
    client.store(pid, std::memory_order_relaxed);
    if (before == 0) return;
    turns.store(turns.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

Pool::Pool(fuse_session& session, const LoopConfig& config) : session_(session), config_(config) {
  // Clones of an earlier loop, or of a server whose successor this is.
  for (size_t i = 1; session_.device(i) >= 0; ++i) free_clones_.push_back(i);
}

Pool::~Pool() = default;

bool Pool::spawn() {
  auto member = std::make_unique<Member>(*this);
  member->device = session_.device(0);
  if (config_.clone_fd) {
    std::lock_guard guard(lock_);
    if (!free_clones_.empty()) {
      member->clone = free_clones_.back();
      free_clones_.pop_back();
    }
  }
  if (config_.clone_fd && member->clone == 0) {
    const auto added = session_.add_clone();
    if (added) member->clone = *added;
  }
  if (member->clone != 0) member->device = session_.device(member->clone);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  const size_t stack = stack_size();
  if (stack > 0 && pthread_attr_setstacksize(&attributes, stack) != 0) {
    log_error("fuse: FUSE_THREAD_STACK=%zu is not a possible stack size", stack);
  }
  // Signals are for the thread that runs the program's loop.
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, &old);
  const int error = pthread_create(&member->thread, &attributes, thread_main, member.get());
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) {
    log_error("fuse: cannot start a worker thread: %s", std::strerror(error));
    std::lock_guard guard(lock_);
    if (member->clone != 0) free_clones_.push_back(member->clone);
    return false;
  }
  std::lock_guard guard(lock_);
  members_.push_back(std::move(member));
  return true;
}

void* Pool::thread_main(void* argument) {
  Member& member = *static_cast<Member*>(argument);
  // Where it is allowed, that is; a program's own functions keep their cancellation points.
  if (member.pool.session_.transport->cancellable_anywhere()) {
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
  }
  member.pool.work(member);
  member.finished.store(true, std::memory_order_release);
  member.pool.session_.wake_monitor();
  return nullptr;
}

bool Pool::receive(Member& member, Worker& worker, Worker::Received* received) {
  member.reads = true;
  readers_.fetch_add(1, std::memory_order_seq_cst);
  const auto result = worker.receive();
  readers_.fetch_sub(1, std::memory_order_seq_cst);
  member.reads = false;
  if (monitor_dozes_.load(std::memory_order_seq_cst) &&
      monitor_dozes_.exchange(false, std::memory_order_seq_cst)) {
    session_.wake_monitor();
  }
  if (result) {
    *received = *result;
    return true;
  }
  if (result.error() == ENODEV) {
    exit_session(session_);
  } else {
    fail_session(session_, -result.error());
  }
  return false;
}

void Pool::work(Member& member) {
  member.worker = std::make_unique<Worker>(session_, member.clone, &member.waiting);
  Worker& worker = *member.worker;
  WorkerLoad load(member.device);
  while (!session_.exited() && !stopping_.load(std::memory_order_acquire) &&
         !member.waiting.outlived()) {
    Worker::Received received;
    if (!receive(member, worker, &received)) break;
    if (received.length == 0) continue;
    const wire::InHeader header = worker.header();
    const auto opcode = static_cast<wire::Opcode>(header.opcode);
    member.note_client(header.pid);
    const bool measured = load.begin(opcode);
    const bool another = all_read() || load.blocks(opcode) || (measured && load.saturated());
    if (another && !somebody_reads()) wake_one();
    worker.run(received);
    if (measured) load.end(opcode);
    member.rounds.store(member.rounds.load(std::memory_order_relaxed) + 1,
                        std::memory_order_relaxed);
    if (somebody_reads() && !all_read()) {
      worker.rest();
      if (!park(member)) break;
    }
  }
}

// Of those who asked for another worker some did so while it was being started.
bool Pool::has_room() {
  std::lock_guard guard(lock_);
  return members_.size() < config_.max_threads;
}

void Pool::wake_one() {
  Member* woken = nullptr;
  {
    std::lock_guard guard(lock_);
    if (!parked_.empty()) {
      woken = parked_.back();  // the one that is still warmest
      parked_.pop_back();
    } else if (members_.size() >= config_.max_threads) {
      return;
    }
  }
  if (woken != nullptr) {
    woken->parked.store(0, std::memory_order_release);
    futex_wake_one(woken->parked);
    return;
  }
  // Starting a thread takes longer than most operations: the monitor does it.
  if (!spawn_wanted_.exchange(true, std::memory_order_acq_rel)) session_.wake_monitor();
}

bool Pool::park(Member& member) {
  {
    std::lock_guard guard(lock_);
    if (stopping_.load(std::memory_order_acquire) || session_.exited()) return false;
    if (parked_.size() >= config_.max_idle_threads) {
      if (member.clone != 0) free_clones_.push_back(member.clone);
      return false;
    }
    member.parked.store(1, std::memory_order_relaxed);
    parked_.push_back(&member);
  }
  while (member.parked.load(std::memory_order_acquire) == 1) futex_wait(member.parked, 1);
  return true;
}

void Pool::unpark_all() {
  std::lock_guard guard(lock_);
  for (Member* member : parked_) {
    member->parked.store(0, std::memory_order_release);
    futex_wake_one(member->parked);
  }
  parked_.clear();
}

void Pool::join_finished() {
  std::vector<std::unique_ptr<Member>> done;
  {
    std::lock_guard guard(lock_);
    const auto split = std::partition(members_.begin(), members_.end(), [](const auto& member) {
      return !member->finished.load(std::memory_order_acquire);
    });
    std::move(split, members_.end(), std::back_inserter(done));
    members_.erase(split, members_.end());
  }
  for (const auto& member : done) pthread_join(member->thread, nullptr);
}

// Their requests, if they had just received one, are the seam's again.
void Pool::join_cancelled() {
  std::vector<std::unique_ptr<Member>> cancelled;
  {
    std::lock_guard guard(lock_);
    const auto split = std::partition(members_.begin(), members_.end(),
                                      [](const auto& member) { return !member->cancelled; });
    std::move(split, members_.end(), std::back_inserter(cancelled));
    members_.erase(split, members_.end());
  }
  for (const auto& member : cancelled) {
    pthread_join(member->thread, nullptr);
    // If it did not outlive that. Whoever parked for its sake meanwhile is woken by the monitor.
    if (member->reads) readers_.fetch_sub(1, std::memory_order_seq_cst);
  }
  std::lock_guard guard(lock_);
  for (const auto& member : cancelled) {
    if (member->clone != 0) free_clones_.push_back(member->clone);
  }
}

bool Pool::stop_all() {
  stopping_.store(true, std::memory_order_release);
  unpark_all();
  const timespec tick{0, kTick};
  for (;;) {
    const uint32_t seen = session_.exit_word.load(std::memory_order_seq_cst);
    bool all_end = true;
    for (const auto& member : members_) {
      if (member->cancelled || member->finished.load(std::memory_order_acquire)) continue;
      member->cancelled = member->waiting.cancel(member->thread);
      all_end = all_end && member->cancelled;
    }
    if (all_end) break;
    if (!session_.exited()) {
      stopping_.store(false, std::memory_order_release);
      join_cancelled();
      return false;
    }
    // An operation runs, or somebody is on his way into or out of a wait.
    session_.monitor_sleep(seen, &tick);
  }
  for (const auto& member : members_) {
    pthread_join(member->thread, nullptr);
    if (member->clone != 0) free_clones_.push_back(member->clone);
  }
  members_.clear();
  readers_.store(0, std::memory_order_seq_cst);
  return true;
}

Pool::Progress Pool::progress() {
  std::lock_guard guard(lock_);
  Progress now;
  uint32_t client = 0;
  for (const auto& member : members_) {
    now.rounds += member->rounds.load(std::memory_order_relaxed);
    now.turns += member->turns.load(std::memory_order_relaxed);
    const uint32_t served = member->client.exchange(0, std::memory_order_relaxed);
    if (served == 0) continue;
    now.several_clients = now.several_clients || (client != 0 && served != client);
    client = served;
  }
  return now;
}

// One worker whose client changed once may have served one after the other.
void Pool::choose_reading(const Progress& last, const Progress& now, uint64_t elapsed) {
  if (!all_may_read() || now.rounds < last.rounds) return;  // the latter where a worker ended
  const bool several = now.several_clients || now.turns >= last.turns + 2;
  const Reading wanted = mode_.judge(elapsed, now.rounds - last.rounds, several);
  reading_.store(wanted, std::memory_order_relaxed);
}

void Pool::watch() {
  const timespec tick{0, kTick};
  Progress last = progress();
  uint64_t last_at = monotonic_ns();
  bool nobody_read = false;
  unsigned quiet = 0;
  while (!session_.exited()) {
    const uint32_t seen = session_.exit_word.load(std::memory_order_seq_cst);
    if (spawn_wanted_.exchange(false, std::memory_order_acq_rel) && has_room()) spawn();
    join_finished();
    const Progress now = progress();
    const uint64_t now_at = monotonic_ns();
    const bool idle = somebody_reads();
    const bool stuck = now.rounds == last.rounds;
    const bool help = !idle && nobody_read && stuck;
    if (help) wake_one();
    nobody_read = !idle && !help;
    quiet = idle && stuck ? quiet + 1 : 0;
    choose_reading(last, now, now_at - last_at);
    last = now;
    last_at = now_at;
    if (session_.exited() || spawn_wanted_.load(std::memory_order_acquire)) continue;
    if (quiet < kTicksBeforeDozing) {
      session_.monitor_sleep(seen, &tick);
      continue;
    }
    monitor_dozes_.store(true, std::memory_order_seq_cst);
    // Whoever leaves a read from here on sees that; whoever left before shows up here.
    if (somebody_reads()) session_.monitor_sleep(seen, nullptr);
    monitor_dozes_.store(false, std::memory_order_seq_cst);
    quiet = 0;
    last_at = monotonic_ns();
  }
}

int Pool::run() {
  if (const auto ready = session_.seam->serving(); !ready) return -ready.error();
  do {
    stopping_.store(false, std::memory_order_release);
    // After an end that was called off they may all be there, and at work.
    if (has_room() && !spawn() && members_.empty()) return -EAGAIN;
    watch();
  } while (!stop_all() || loop_goes_on(session_));
  const int result = session_.result.load(std::memory_order_relaxed);
  reset_session(session_);
  return result;
}

int run_multi_threaded(fuse_session& session, const LoopConfig& config) {
  Pool pool(session, config);
  return pool.run();
}

}  // namespace fuse3
