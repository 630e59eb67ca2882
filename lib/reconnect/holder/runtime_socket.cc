#include "reconnect/holder/runtime_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>
#include <string>

#include "reconnect/holder/protocol.h"
#include "support/clock.h"

namespace fuse3::reconnect {
namespace {

Result<sockaddr_un> address_of(int directory, const std::string& name) {
  std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Error{ENAMETOOLONG};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> new_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return last_error();
  return socket;
}

// Waits for the living keeper behind `peer` to end. It looks at its mount when somebody connects.
void wait_for_end(const UniqueFd& peer, int milliseconds) {
  pollfd watched{peer.get(), POLLIN, 0};
  poll(&watched, 1, milliseconds);
}

// Returns once nobody living owns N.sock.
Result<void> make_way(int directory, unsigned connection, int patience_ms) {
  constexpr int kStepMs = 20;
  for (int waited = 0;; waited += kStepMs) {
    Result<UniqueFd> living = connect_to_keeper(directory, connection);
    if (!living) {
      bool nobody = living.error() == ENOENT || living.error() == ECONNREFUSED;
      return nobody ? Result<void>() : living.as_error();
    }
    if (waited >= patience_ms) return Error{EBUSY};
    wait_for_end(*living, kStepMs);
    pause_ms(2);
  }
}

}  // namespace

// The socket is bound and listening under a name of its own before it gets the real one: nobody can
// ever find N.sock without a listener and take it for a dead keeper's.
Result<UniqueFd> listen_for_peers(int directory, unsigned connection, int patience_ms) {
  Result<void> free = make_way(directory, connection, patience_ms);
  if (!free) return free.as_error();
  std::string name = socket_name(connection);
  std::string fresh_name = name + "." + std::to_string(getpid());
  Result<sockaddr_un> address = address_of(directory, fresh_name);
  if (!address) return address.as_error();
  Result<UniqueFd> socket = new_socket();
  if (!socket) return socket;
  int on = 1;
  // On Linux the mode set here is what bind(2) gives the file.
  if (fchmod(socket->get(), 0600) != 0 ||
      setsockopt(socket->get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
    return last_error();
  }
  unlinkat(directory, fresh_name.c_str(), 0);
  if (bind(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return last_error();
  }
  if (listen(socket->get(), 16) != 0 ||
      renameat(directory, fresh_name.c_str(), directory, name.c_str()) != 0) {
    Error failed = last_error();
    unlinkat(directory, fresh_name.c_str(), 0);
    return failed;
  }
  return socket;
}

Result<UniqueFd> connect_to_keeper(int directory, unsigned connection) {
  Result<sockaddr_un> address = address_of(directory, socket_name(connection));
  if (!address) return address.as_error();
  Result<UniqueFd> socket = new_socket();
  if (!socket) return socket;
  // For a keeper that is stopped.
  timeval limit{10, 0};
  (void)setsockopt(socket->get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int result;
  do {
    result = connect(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return last_error();
  return socket;
}

}  // namespace fuse3::reconnect
