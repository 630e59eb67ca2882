// The workers of a multi-threaded loop.
//
// The kernel hands each request to the thread that has waited longest, so a crowd of waiting
// threads means that every request wakes a cold one. Here one worker waits in the device ("reads")
// and the others are parked; the reader runs what it received itself and then reads on, warm.
// Another worker is woken only when there is more to do than one thread keeps up with:
//
//  - the operation at hand is known to block for long compared with a wake-up (a running mean for
//    each opcode), so somebody else had better read meanwhile; one that is only busy for long is no
//    reason: with one client, handing over would only mean a second buffer and a cold thread;
//  - it has had its processor to itself for a while, and the device has more;
//  - nobody has been reading for a whole tick of the monitor (an operation blocks unexpectedly).
//
// A worker that finishes while another one reads parks itself.
//
// Where that is not the best way for several clients (reading_mode.h) nobody parks, and whoever
// leaves none behind that reads wakes another one: as many read as there are requests at a time,
// and one more.
//
// The monitor is the thread that called fuse_session_loop_mt(): it starts and joins workers, ticks
// while there is traffic, and sleeps when there is none.
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "session/reading_mode.h"
#include "session/session.h"
#include "session/worker.h"
#include "wire/opcode.h"

namespace fuse3 {

class Pool {
 public:
  Pool(fuse_session& session, const LoopConfig& config);
  ~Pool();

  int run();

 private:
  struct Member;

  static void* thread_main(void* member);
  void work(Member& member);
  bool receive(Member& member, Worker& worker, Worker::Received* received);
  bool somebody_reads() const { return readers_.load(std::memory_order_seq_cst) != 0; }
  bool all_read() const { return reading_.load(std::memory_order_relaxed) == Reading::all; }
  // Those that only read are idle.
  bool all_may_read() const {
    return config_.max_threads > 1 && config_.max_idle_threads >= config_.max_threads;
  }
  void wake_one();
  // False: the worker has to end (too many are idle, or the loop ends).
  bool park(Member& member);
  void unpark_all();

  bool has_room();
  bool spawn();
  void join_finished();
  // False: that was called off, and some may still be at work.
  bool stop_all();
  void join_cancelled();
  void watch();

  struct Progress {
    uint64_t rounds = 0;
    uint64_t turns = 0;
    bool several_clients = false;  // since it was asked last
  };
  Progress progress();
  void choose_reading(const Progress& last, const Progress& now, uint64_t elapsed);

  fuse_session& session_;
  const LoopConfig config_;

  // How many wait in the device, or are about to. Written by every worker on every request, but by
  // one only while one suffices.
  alignas(64) std::atomic<uint32_t> readers_{0};
  alignas(64) std::atomic<bool> monitor_dozes_{false};
  std::atomic<Reading> reading_{Reading::one};
  std::atomic<bool> spawn_wanted_{false};
  std::atomic<bool> stopping_{false};

  ReadingMode mode_;  // the monitor's

  std::mutex lock_;  // the lists; taken to park and to wake, not per request
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<Member*> parked_;
  std::vector<size_t> free_clones_;
};

}  // namespace fuse3
