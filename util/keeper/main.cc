// fuse-keeper: holds a FUSE mount's device while no server runs, and starts the server again.
// The library starts it; see doc/reconnect.md. Its command line is
//
//   fuse-keeper EXECUTABLE -- ARGUMENTS...
//
// with the executable and the arguments of the server, so that process lists show what it is for.
// Everything else comes over descriptor 3.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "keeper.h"
#include "keeper_log.h"
#include "reconnect/holder/protocol.h"
#include "reconnect/holder/spawn.h"

namespace {

using namespace fuse3;
using namespace fuse3::keeper;

bool is_socket(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

int usage() {
  fprintf(stderr,
          "fuse-keeper is started by the FUSE library for mounts with the option \"reattach\".\n"
          "There is nothing to be done with it by hand.\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  int link_number = reconnect::kKeeperLinkFd;
  if (argc < 4 || strcmp(argv[2], "--") != 0 || !is_socket(link_number)) return usage();
  OwnProcess own(link_number);
  UniqueFd link(link_number);
  Program program;
  program.executable = argv[1];
  program.arguments.assign(argv + 3, argv + argc);
  Result<Setup> setup = receive_setup(link.get(), &program);
  if (!setup) {
    say(LOG_ERR, "not started: %s", strerror(setup.error()));
    return 1;
  }
  set_log_connection(setup->holdings.connection);
  fcntl(setup->listener.get(), F_SETFL, O_NONBLOCK);
  if (!reconnect::send_message(link.get(), reconnect::make_message<reconnect::ReadyMessage>(), {},
                               MSG_DONTWAIT)) {
    // The server died at this moment, and the loop will see it.
    say(LOG_INFO, "the server is not waiting for the keeper");
  }
  Keeper keeper(&own, std::move(program), std::move(*setup), std::move(link));
  keeper.run();
  return 0;
}
