// What the service manager is told (READY=1, STATUS=, MAINPID=), whoever is the holder. Nothing is
// sent by a process that the manager did not start itself, or with reattach_notify=no.
#pragma once

#include <sys/types.h>

#include <string>

namespace fuse3::reconnect {

// Called where a session is made a server; the socket is kept from then on, whatever the program
// makes of its environment.
void find_service_manager();

void announce(const std::string& status);
// READY=1 goes out with the first of these that has `all_serve`: a process may have several mounts.
void announce_serving(const std::string& status, bool all_serve);
// In a server that leaves its work to a child: the child is the service from now on.
void announce_main_process(pid_t child);

}  // namespace fuse3::reconnect
