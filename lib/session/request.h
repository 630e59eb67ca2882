// A request in hand, from the moment it was received until the filesystem has both answered it and
// returned from the operation, whichever comes last.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "fuse_lowlevel.h"
#include "session/row.h"
#include "session/seam.h"
#include "wire/message.h"

namespace fuse3 {
class Lane;
}

struct fuse_req {
  fuse_session* session = nullptr;
  fuse3::Seam* seam = nullptr;
  const fuse3::Row* row = nullptr;
  std::optional<fuse3::wire::Message> message;
  // The header's node as the filesystem calls it; set by Seam::raise().
  fuse_ino_t ino = 0;
  fuse_ctx context{};
  fuse3::Place place;
  int device = -1;  // descriptor it was received from, and must be answered on
  bool ioctl_64bit = false;
  // A successor runs what its predecessor had begun; `cleared`: it was found out that it may.
  bool rerun = false;
  bool cleared = false;
  // The library asks for a file that it has hidden itself: see Seam::hiding().
  bool of_hidden = false;
  // The error that its operation answered (0: success), kept until that has returned.
  std::optional<int> held_reply;
  // The write data of a request that was received through a pipe; -1 otherwise.
  int data_pipe = -1;
  // The receive buffer beyond the message. It may be used as scratch by the thread that runs the
  // operation and until that returns, for then the next request comes: see runs_here().
  std::span<std::byte> scratch;
  pthread_t runner{};  // means something while `running`, which only that thread may look at
  bool running = false;

  // Guarded by the lane.
  fuse3::Lane* lane = nullptr;
  fuse_req* next = nullptr;
  fuse_req* previous = nullptr;
  uint8_t references = 0;
  bool answered = false;
  bool interrupted = false;
  fuse_interrupt_func_t interrupt_function = nullptr;
  void* interrupt_data = nullptr;
  // Nonzero while the function runs, on the thread named; waited for without the lock.
  std::atomic<uint32_t> interrupting{0};
  pthread_t interrupter{};

  fuse3::RequestId unique() const { return message->unique(); }
  // The operation has not returned, and this is its thread.
  bool runs_here() const { return pthread_equal(runner, pthread_self()) != 0 && running; }
};
