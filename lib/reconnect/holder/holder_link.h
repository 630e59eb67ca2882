// The server's side of the keeper: starting one, taking a connection over from one, and telling it
// what it has to know.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "reconnect/holder/holder.h"
#include "reconnect/holder/protocol.h"
#include "reconnect/holder/server_image.h"
#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

// The link to the keeper. Its end, by whatever cause, is one half of how the keeper learns that the
// server is gone; the other is the process that last said hello().
//
// hello(), daemonized() and the rest return EPIPE when the keeper is dead and no watch runs. While
// a watch runs they start another keeper themselves if the thread has not yet done so. They may be
// called from any thread.
class HolderLink final : public Holder {
 public:
  // Starts a keeper. Call it before the program has threads, with the mount's devices open. What
  // went wrong is logged.
  static Result<std::unique_ptr<HolderLink>> start(const HolderSetup& setup);
  // The same with what capture_server_image() found out earlier.
  static Result<std::unique_ptr<HolderLink>> start(const HolderSetup& setup, ServerImage image);

  // Asks the keeper of `connection` for what it holds. If the previous server is still alive after
  // 2 seconds: EBUSY. Another user's: EACCES. Given up: ETIMEDOUT. No keeper: ENOENT or
  // ECONNREFUSED. EPROTONOSUPPORT: the keeper is of another version. *why says it in words.
  static Result<Attached> attach(int runtime_dir_fd, unsigned connection, std::string* why);

  ~HolderLink() override;
  HolderLink(const HolderLink&) = delete;
  HolderLink& operator=(const HolderLink&) = delete;

  // Always the same number, also when a watch has started another keeper.
  int link_fd() const { return link_.get(); }

  Result<void> hello(bool serving) override;
  Result<void> add_device(unsigned index, int fd) override;
  // The keeper lets go of the standard streams it keeps for a successor.
  Result<void> daemonized();
  Result<void> serving() override;
  // A planned end: the keeper keeps everything, starts nothing, and waits for a successor.
  Result<void> detach();
  Result<void> drained(unsigned outstanding) override;
  // The keeper ends, and this returns once it has.
  Result<void> goodbye() override;
  void after_daemonize_fork() override;

  // Starts a thread, all signals blocked, that starts another keeper whenever the keeper dies, and
  // that `drain` is called on when the keeper asks for it.
  Result<void> start_watch(Describe describe, std::function<void()> drain = {}) override;
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

}  // namespace fuse3::reconnect
