// systemd's descriptor store as the holder: the service manager keeps duplicates of what is pushed
// to it, starts the server again by the unit's Restart=, and passes them to the new process
// (inherited.h). It tells nobody what it holds, so whether there is room is asked with a descriptor
// whose end shows.
#pragma once

#include <mutex>

#include "reconnect/holder/drain_signal.h"
#include "reconnect/holder/holder.h"
#include "reconnect/holder/stored_name.h"
#include "support/notify_socket.h"

namespace fuse3::reconnect {

class DescriptorStore final : public Holder {
 public:
  // Pushes everything. EXFULL: there is no store, or no room in it. ETIMEDOUT: whoever has the
  // socket does not answer. Nothing is left in the store then.
  static Result<std::unique_ptr<Holder>> start(NotifySocket socket, const HolderSetup& setup,
                                               uint64_t nonce);
  // For a successor: the store has it all already.
  DescriptorStore(NotifySocket socket, StoredMountKey key, int runtime_dir_fd,
                  unsigned device_count, int state_fd);

  Result<void> hello(bool) override { return {}; }
  Result<void> add_device(unsigned index, int fd) override;
  Result<void> serving() override { return {}; }
  // Who could not leave yet is to try again: systemd has no other use for it, and kills it in the
  // end.
  Result<void> drained(unsigned outstanding) override;
  Result<void> goodbye() override;
  void after_daemonize_fork() override {}
  // There is nobody to look after; asked to leave is the process by a signal.
  Result<void> start_watch(Describe, std::function<void()> drain) override;

 private:
  Result<void> push(StoredName::Role role, int fd, unsigned device = 0);
  Result<void> make_sure_of_room();
  Result<void> remove(StoredName::Role role, unsigned device = 0);
  void remove_all();

  const NotifySocket socket_;
  const StoredMountKey key_;
  const UniqueFd directory_;
  const UniqueFd state_;
  std::mutex mutex_;
  unsigned device_count_ = 0;
  std::unique_ptr<DrainSignal> watch_;  // set before there are other threads, and not changed then
};

}  // namespace fuse3::reconnect
