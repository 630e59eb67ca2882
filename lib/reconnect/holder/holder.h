// Who holds a connection while no server runs, as its server sees it: a keeper (holder_link.h),
// systemd's descriptor store (descriptor_store.h) or the kernel itself (kernel_holder.h).
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// What a holder is given. All descriptors are borrowed: it gets duplicates.
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

// May be called from any thread.
class Holder {
 public:
  virtual ~Holder() = default;

  // For a successor: it has a device of its own, on which the kernel begins with INIT and then
  // sends again what was in hand. Else it has the devices from which that was read.
  virtual bool kernel_sends_again() const { return false; }
  // "This process is the server now." With `serving`, said at the start of the loop: from then on
  // the end of this process is the end of the server.
  virtual Result<void> hello(bool serving) = 0;
  // When this returns, the descriptor outlives this process. With a watch running, the device must
  // be in what its callback returns before this is called.
  virtual Result<void> add_device(unsigned index, int fd) = 0;
  // A successor is about to answer its first request: it is healthy.
  virtual Result<void> serving() = 0;
  // The answer to what start_watch()'s `drain` was called for.
  virtual Result<void> drained(unsigned outstanding) = 0;
  // The mount is gone or about to go: nothing is held any more when this returns, and N.state is
  // removed. Ends the watch.
  virtual Result<void> goodbye() = 0;
  // For the child that goes on in the background.
  virtual void after_daemonize_fork() = 0;

  // From now on the holder is looked after. `describe` says what to hand over to another one if
  // this one dies; it is called with a lock of this object held and must not call back into it.
  // `drain` is called, without the lock, when the server is to leave for another; while it runs,
  // nobody watches the holder.
  using Describe = std::function<HolderSetup()>;
  virtual Result<void> start_watch(Describe describe, std::function<void()> drain = {}) = 0;
};

// What a successor gets.
struct Attached {
  std::unique_ptr<Holder> holder;
  UniqueFd state;
  std::vector<UniqueFd> devices;  // by index; holes are empty
  UniqueFd auto_unmount;          // empty if there is none
  pid_t previous_pid = 0;         // 0: not known
  int previous_end = -1;          // its wait status; -1: not known
  unsigned timeout_seconds = 0;
};

}  // namespace fuse3::reconnect
