#include "reconnect/holder/launch.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "reconnect/holder/protocol.h"
#include "reconnect/holder/runtime_socket.h"
#include "reconnect/holder/spawn.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr int kReadyWithinMs = 10000;

struct LinkEnds {
  UniqueFd ours;
  UniqueFd keepers;
};

Result<LinkEnds> make_link() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return last_error();
  LinkEnds link{UniqueFd(ends[0]), UniqueFd(ends[1])};
  // Set before the first packet: the keeper learns from the kernel which process said hello. The
  // limit on sending is for a keeper that is stopped.
  int on = 1;
  timeval limit{kReadyWithinMs / 1000, 0};
  if (setsockopt(link.keepers.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      setsockopt(link.ours.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    return last_error();
  }
  return link;
}

Result<void> send_setup(int link, const HolderSetup& setup, const ServerImage& image,
                        int listener) {
  auto message = make_message<SetupMessage>();
  message.connection = setup.connection;
  message.ordinal = setup.ordinal;
  message.timeout_seconds = setup.timeout_seconds;
  message.file_mode_mask = image.file_mode_mask;
  message.signal_mask = image.signal_mask;
  message.ignored_signals = image.ignored_signals;
  std::vector<int> fds = {listener, setup.runtime_dir_fd, setup.state_fd};
  auto add = [&](int fd, uint32_t flag) {
    if (fd < 0) return;
    fds.push_back(fd);
    message.flags |= flag;
  };
  add(setup.auto_unmount_fd, SetupMessage::kHasAutoUnmount);
  add(image.directory.get(), SetupMessage::kHasDirectory);
  add(image.executable_file.get(), SetupMessage::kHasExecutable);
  Result<void> sent = send_message(link, message, fds);
  if (sent) sent = send_devices(link, setup.devices);
  if (sent) sent = send_message(link, make_message<SetupDoneMessage>());
  return sent;
}

Result<void> wait_until_ready(int link, int stop_fd) {
  Result<Packet> answer = receive_packet_within(link, kReadyWithinMs, stop_fd);
  if (!answer) return answer.as_error();
  if (answer->type() == MessageType::kReady) return {};
  if (answer->type() != MessageType::kRefused) return Error{EBADMSG};
  int number = answer->as<RefusedMessage>().number;
  return Error{number > 0 ? number : EIO};
}

Result<UniqueFd> start_and_hand_over(const HolderSetup& setup, const ServerImage& image,
                                     const std::string& keeper, int listener, int stop_fd) {
  Result<LinkEnds> link = make_link();
  if (!link) return link.as_error();
  Result<void> spawned = spawn_keeper(keeper, image, link->keepers.get());
  if (!spawned) return spawned.as_error();
  link->keepers.reset();
  // When the keeper could not be started its reason waits on the link.
  Result<void> done = send_setup(link->ours.get(), setup, image, listener);
  if (done || done.error() == EPIPE) done = wait_until_ready(link->ours.get(), stop_fd);
  if (!done) return done.as_error();
  return std::move(link->ours);
}

}  // namespace

Result<UniqueFd> launch_keeper(const HolderSetup& setup, const ServerImage& image, int stop_fd) {
  std::string tried;
  Result<std::string> keeper = find_keeper(&tried);
  if (!keeper) {
    log_error("fuse: reattach: the program fuse-keeper was not found (tried %s)\n", tried.c_str());
    return keeper.as_error();
  }
  Result<UniqueFd> listener = listen_for_peers(setup.runtime_dir_fd, setup.connection);
  if (!listener) {
    log_error("fuse: reattach: cannot listen on %s/%s: %s\n", setup.runtime_dir.c_str(),
              socket_name(setup.connection).c_str(),
              listener.error() == EBUSY ? "a living keeper has it" : strerror(listener.error()));
    return listener.as_error();
  }
  Result<UniqueFd> link = start_and_hand_over(setup, image, *keeper, listener->get(), stop_fd);
  if (!link) {
    // The keeper may live and yet read all that it was sent. Its listener is this one.
    shutdown(listener->get(), SHUT_RDWR);
    unlinkat(setup.runtime_dir_fd, socket_name(setup.connection).c_str(), 0);
    if (link.error() != ECANCELED) {
      log_error("fuse: reattach: cannot start the keeper %s: %s\n", keeper->c_str(),
                link.error() == EPIPE ? "it ended at once" : strerror(link.error()));
    }
  }
  return link;
}

}  // namespace fuse3::reconnect
