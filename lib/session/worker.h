// What one thread of a loop does: receive a request, run it.
#pragma once

#include "session/session.h"
#include "session/waiting.h"
#include "wire/structs_in.h"

namespace fuse3 {

class Worker {
 public:
  struct Received {
    size_t length = 0;   // 0: nothing to run, go round
    size_t outside = 0;  // bytes of it that are in the pipe
    bool spliced = false;
  };

  // `waiting` is told of each wait; it must outlive the worker. Null: nobody cancels the thread.
  Worker(fuse_session& session, size_t device_index, Waiting* waiting);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Waits for a request. An error ends the loop: ENODEV (the mount is gone) is the normal one.
  Result<Received> receive();
  void run(const Received& received);
  // Nothing will be received for a while: memory that others may need is given back.
  void rest();

  const Place& place() const { return place_; }
  // Of what was received.
  wire::InHeader header() const;

 private:
  Result<Received> receive_spliced();
  Result<Received> nothing_received(int error);
  bool expects_large_write() const;
  bool prepare_pipe();
  void note_size(size_t length);

  fuse_session& session_;
  Lane* lane_;
  const size_t device_index_;
  const int device_;
  Waiting* const waiting_;
  Place place_;
  UniqueFd pipe_out_;
  UniqueFd pipe_in_;
  bool pipe_failed_ = false;
  unsigned worth_of_pipe_ = 0;  // grows with large writes, shrinks with other requests
};

}  // namespace fuse3
