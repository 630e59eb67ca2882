#include "reconnect/seam/announce.h"

#include <mutex>
#include <optional>

#include "options/daemonize.h"
#include "support/notify_socket.h"

namespace fuse3::reconnect {
namespace {

std::mutex manager_lock;
std::optional<NotifySocket> manager;
bool ready = false;

// Paths may have any bytes, and a newline begins another assignment.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  return text;
}

// A manager that does not listen is no reason to stop.
void tell(const std::string& lines) {
  if (manager) (void)manager->send(lines).ok();
}

}  // namespace

void find_service_manager() {
  std::lock_guard guard(manager_lock);
  if (manager || !is_service_process()) return;
  if (auto socket = NotifySocket::open()) manager = std::move(*socket);
  if (manager) set_daemonize_parent_hook(announce_main_process);
}

void announce(const std::string& status) {
  std::lock_guard guard(manager_lock);
  tell("STATUS=" + one_line(status));
}

void announce_serving(const std::string& status, bool all_serve) {
  std::lock_guard guard(manager_lock);
  const bool first = all_serve && !ready;
  ready |= first;
  tell((first ? "READY=1\nSTATUS=" : "STATUS=") + one_line(status));
}

// What the child says is only heard once the manager knows it.
void announce_main_process(pid_t child) {
  std::lock_guard guard(manager_lock);
  tell("MAINPID=" + std::to_string(child));
  if (manager) (void)manager->barrier().ok();
}

}  // namespace fuse3::reconnect
