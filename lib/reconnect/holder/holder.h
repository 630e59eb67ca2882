// The server's side of the keeper: starting one, taking a connection over from one, and telling it
// what it has to know.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "reconnect/holder/protocol.h"
#include "reconnect/holder/server_image.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// What a keeper is given. All descriptors are borrowed: the keeper gets duplicates.
struct HolderSetup {
  int runtime_dir_fd = -1;
  std::string runtime_dir;  // for messages
  unsigned connection = 0;
  int state_fd = -1;
  std::vector<int> devices;  // by index; -1 is a hole
  int auto_unmount_fd = -1;
  unsigned timeout_seconds = 60;  // without a serving successor; 0 is no limit
  unsigned ordinal = 1;           // which of this process's mounts it is
};

struct Attached;

// The link to the keeper. Its end, by whatever cause, is one half of how the keeper learns that the
// server is gone; the other is the process that last said hello().
//
// hello(), daemonized() and the rest return EPIPE when the keeper is dead and no watch runs. While
// a watch runs they start another keeper themselves if the thread has not yet done so. They may be
// called from any thread.
class HolderLink {
 public:
  // Starts a keeper. Call it before the program has threads, with the mount's devices open. What
  // went wrong is logged.
  static Result<std::unique_ptr<HolderLink>> start(const HolderSetup& setup);

  // Asks the keeper of `connection` for what it holds. If the previous server is still alive after
  // 2 seconds: EBUSY. Another user's: EACCES. Given up: ETIMEDOUT. No keeper: ENOENT or
  // ECONNREFUSED. EPROTONOSUPPORT: the keeper is of another version. *why says it in words.
  static Result<Attached> attach(int runtime_dir_fd, unsigned connection, std::string* why);

  ~HolderLink();
  HolderLink(const HolderLink&) = delete;
  HolderLink& operator=(const HolderLink&) = delete;

  // Always the same number, also when a watch has started another keeper.
  int link_fd() const { return link_.get(); }

  // "This process is the server now." With `serving`, said at the start of the loop: from then on
  // the end of this process is the end of the server, whoever else has the link open.
  Result<void> hello(bool serving);
  // When this returns, the descriptor outlives this process. With a watch running, the device must
  // be in what its callback returns before this is called.
  Result<void> add_device(unsigned index, int fd);
  // The keeper lets go of the standard streams it keeps for a successor.
  Result<void> daemonized();
  // A successor is about to answer its first request: it is healthy.
  Result<void> serving();
  // A planned end: the keeper keeps everything, starts nothing, and waits for a successor.
  Result<void> detach();
  // The answer to what start_watch()'s `drain` was called for.
  Result<void> drained(unsigned outstanding);
  // The mount is gone or about to go: the keeper removes N.sock and N.state and ends. Returns once
  // it has. Ends the watch.
  Result<void> goodbye();

  // For the child that goes on in the background.
  void after_daemonize_fork();

  // Starts a thread, all signals blocked, that starts another keeper whenever the keeper dies.
  // `describe` says what to hand over; it is called with a lock of this object held and must not
  // call back into it. `drain` is called on that thread, without the lock, when the keeper asks the
  // server to leave for another; while it runs, nobody watches the keeper.
  using Describe = std::function<HolderSetup()>;
  Result<void> start_watch(Describe describe, std::function<void()> drain = {});
  void stop_watch();

 private:
  HolderLink(UniqueFd link, ServerImage image, int runtime_dir_fd, unsigned connection);
  template <class Message>
  Result<void> tell(const Message& message, std::span<const int> fds = {});
  Result<void> say_hello(uint32_t new_flags);
  Result<void> start_another_locked();
  enum class Heard : uint8_t { nothing, drain, end };
  Heard hear();
  void watch();
  static void* watch_entry(void* self);
  void clean_up_after_keeper();

  const UniqueFd link_;  // another keeper's link takes the same number
  const ServerImage image_;
  const UniqueFd directory_;
  const unsigned connection_;

  std::mutex mutex_;          // makes starting another keeper one step; guards what follows
  uint32_t hello_flags_ = 0;  // what another keeper must be told again
  Describe describe_;         // set while a watch runs
  std::function<void()> drain_;
  UniqueFd stop_event_;  // likewise
  pthread_t watcher_{};
};

struct Attached {
  std::unique_ptr<HolderLink> link;
  UniqueFd state;
  std::vector<UniqueFd> devices;  // by index; holes are empty
  UniqueFd auto_unmount;          // empty if there is none
  pid_t previous_pid = 0;
  int previous_end = -1;  // its wait status; -1: not known
  unsigned timeout_seconds = 0;
};

}  // namespace fuse3::reconnect
