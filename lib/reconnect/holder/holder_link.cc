#include "reconnect/holder/holder_link.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "reconnect/holder/launch.h"
#include "reconnect/holder/runtime_socket.h"
#include "reconnect/holder/take_over.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr int kGoodbyeWithinMs = 2000;

bool is_null_device(int fd) {
  struct stat facts;
  return fstat(fd, &facts) == 0 && S_ISCHR(facts.st_mode) && facts.st_rdev == makedev(1, 3);
}

// So it is in a program that went into the background by itself, where nobody says daemonized().
bool standard_streams_are_null() {
  return is_null_device(STDIN_FILENO) && is_null_device(STDOUT_FILENO) &&
         is_null_device(STDERR_FILENO);
}

}  // namespace

HolderLink::HolderLink(UniqueFd link, ServerImage image, int runtime_dir_fd, unsigned connection)
    : link_(std::move(link)),
      image_(std::move(image)),
      directory_(fcntl(runtime_dir_fd, F_DUPFD_CLOEXEC, 0)),
      connection_(connection) {}

HolderLink::~HolderLink() {
  stop_watch();
}

Result<std::unique_ptr<HolderLink>> HolderLink::start(const HolderSetup& setup) {
  Result<ServerImage> image = capture_server_image(setup.connection);
  if (!image) {
    log_error("fuse: reattach: cannot find out how this program was started: %s\n",
              strerror(image.error()));
    return image.as_error();
  }
  return start(setup, std::move(*image));
}

Result<std::unique_ptr<HolderLink>> HolderLink::start(const HolderSetup& setup, ServerImage image) {
  Result<UniqueFd> link = launch_keeper(setup, image);
  if (!link) return link.as_error();
  return std::unique_ptr<HolderLink>(
      new HolderLink(std::move(*link), std::move(image), setup.runtime_dir_fd, setup.connection));
}

Result<Attached> HolderLink::attach(int runtime_dir_fd, unsigned connection, std::string* why) {
  // First of all, while the working directory is still the one that the program was started in.
  Result<ServerImage> image = capture_server_image(connection);
  if (!image) {
    *why = "cannot find out how this program was started";
    return image.as_error();
  }
  Result<Takeover> taken = take_over(runtime_dir_fd, connection, why);
  if (!taken) return taken.as_error();
  return Attached{std::unique_ptr<Holder>(new HolderLink(std::move(taken->link), std::move(*image),
                                                         runtime_dir_fd, connection)),
                  std::move(taken->state),
                  std::move(taken->devices),
                  std::move(taken->auto_unmount),
                  taken->previous_pid,
                  taken->previous_end,
                  taken->timeout_seconds};
}

template <class Message>
Result<void> HolderLink::tell(const Message& message, std::span<const int> fds) {
  std::lock_guard lock(mutex_);
  Result<void> sent = send_message(link_.get(), message, fds);
  if (sent || sent.error() != EPIPE || !describe_) return sent;
  Result<void> another = start_another_locked();
  return another ? send_message(link_.get(), message, fds) : another;
}

Result<void> HolderLink::say_hello(uint32_t new_flags) {
  auto message = make_message<HelloMessage>();
  {
    std::lock_guard lock(mutex_);
    hello_flags_ |= new_flags;
    message.flags = hello_flags_;
  }
  return tell(message);
}

Result<void> HolderLink::hello(bool serving) {
  uint32_t flags = 0;
  if (serving) flags |= HelloMessage::kServing;
  if (serving && standard_streams_are_null()) flags |= HelloMessage::kStreamsNull;
  return say_hello(flags);
}

Result<void> HolderLink::daemonized() {
  {
    std::lock_guard lock(mutex_);
    hello_flags_ |= HelloMessage::kStreamsNull;
  }
  return tell(make_message<DaemonizedMessage>());
}

Result<void> HolderLink::add_device(unsigned index, int fd) {
  if (index >= kMostDevices) return Error{EINVAL};
  auto message = make_message<DevicesMessage>();
  message.first_index = index;
  message.count = 1;
  return tell(message, std::span<const int>(&fd, 1));
}

Result<void> HolderLink::serving() {
  return tell(make_message<ServingMessage>());
}

Result<void> HolderLink::detach() {
  stop_watch();
  return tell(make_message<DetachMessage>());
}

Result<void> HolderLink::drained(unsigned outstanding) {
  auto message = make_message<DrainedMessage>();
  message.outstanding = outstanding;
  return tell(message);
}

Result<void> HolderLink::goodbye() {
  stop_watch();
  Result<void> told = tell(make_message<GoodbyeMessage>());
  if (!told && told.error() == EPIPE) {
    clean_up_after_keeper();
    return {};
  }
  while (told) {
    Result<Packet> end = receive_packet_within(link_.get(), kGoodbyeWithinMs);
    if (!end && end.error() == EPIPE) break;
    if (!end) told = end.as_error();
  }
  return told;
}

// A dead keeper leaves its socket, and the state would have been its to remove.
void HolderLink::clean_up_after_keeper() {
  Result<UniqueFd> living = connect_to_keeper(directory_.get(), connection_);
  if (living || living.error() != ECONNREFUSED) return;
  unlinkat(directory_.get(), socket_name(connection_).c_str(), 0);
  unlinkat(directory_.get(), state_name(connection_).c_str(), 0);
}

void HolderLink::after_daemonize_fork() {
  Result<void> told = hello(false);
  if (told) told = daemonized();
  if (!told) log_error("fuse: reattach: the keeper is gone: %s\n", strerror(told.error()));
}

}  // namespace fuse3::reconnect
