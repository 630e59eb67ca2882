#include "support/notify_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace fuse3 {
namespace {

constexpr size_t kMostDescriptors = 16;
constexpr int kSendWithinSeconds = 5;

}  // namespace

Result<NotifySocket> NotifySocket::open() {
  const char* address = ::secure_getenv("NOTIFY_SOCKET");
  if (address == nullptr || *address == '\0') return Error{ENOENT};
  return open(address);
}

Result<NotifySocket> NotifySocket::open(std::string_view address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.size() < 2 || (address[0] != '/' && address[0] != '@')) return Error{EAFNOSUPPORT};
  if (address.size() >= sizeof name.sun_path) return Error{ENAMETOOLONG};
  address.copy(name.sun_path, address.size());
  // An abstract name begins with a zero byte and ends with the address.
  const bool abstract = address[0] == '@';
  if (abstract) name.sun_path[0] = '\0';
  const size_t length = offsetof(sockaddr_un, sun_path) + address.size() + (abstract ? 0 : 1);

  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return last_error();
  // For a manager that is stopped: its queue is short.
  const timeval limit{kSendWithinSeconds, 0};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name),
                static_cast<socklen_t>(length)) != 0) {
    return last_error();
  }
  return NotifySocket(std::move(fd));
}

Result<void> NotifySocket::send(std::string_view lines, std::span<const int> fds) const {
  if (fds.size() > kMostDescriptors) return Error{EINVAL};
  iovec text{const_cast<char*>(lines.data()), lines.size()};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return last_error();
  }
  return {};
}

// The manager closes the descriptor of a barrier when it comes to it; one too old to know the word
// does so with every descriptor that it is not asked to store.
Result<void> NotifySocket::barrier(int milliseconds) const {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return last_error();
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const int sent_along = theirs.get();
  if (auto sent = send("BARRIER=1", std::span(&sent_along, 1)); !sent) return sent;
  theirs.reset();
  pollfd closed{ours.get(), 0, 0};
  int got;
  do {
    got = ::poll(&closed, 1, milliseconds);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return last_error();
  return got == 1 ? Result<void>{} : Error{ETIMEDOUT};
}

bool is_service_process() {
  const char* text = ::secure_getenv("SYSTEMD_EXEC_PID");
  return text == nullptr || std::strtol(text, nullptr, 10) == ::getpid();
}

}  // namespace fuse3
