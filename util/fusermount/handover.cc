#include "handover.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "mount/mountinfo.h"
#include "support/log.h"

namespace fuse3::fusermount {

Result<int> find_socket(std::optional<int> given, const char* value) {
  if (!given && (!value || !*value)) {
    log_error(
        "fusermount3: mounting is for programs, which pass a socket in $%s or with --comm-fd; to "
        "unmount by hand, use -u\n",
        kSocketVariable);
    return Error{EINVAL};
  }
  if (!given) {
    const std::optional<unsigned> number = to_number(value);
    if (number && *number <= INT_MAX) given = static_cast<int>(*number);
  }
  struct stat status;
  if (!given || fstat(*given, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    log_error("fusermount3: the descriptor in $%s or --comm-fd is not an open socket\n",
              kSocketVariable);
    return Error{EBADF};
  }
  return *given;
}

Result<void> send_device(int socket, int device) {
  char byte = 0;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof device)] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof device);
  memcpy(CMSG_DATA(header), &device, sizeof device);

  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return last_error();
  return sent == 1 ? Result<void>() : Error{EIO};
}

}  // namespace fuse3::fusermount
