#include <string.h>
#include <sys/wait.h>

#include <cstdio>

#include "show.h"

namespace fuse3::reattach {

std::string end_in_words(int wait_status) {
  if (wait_status == reconnect::AttachedMessage::kEndUnknown) return "how is not known";
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return "killed by signal " + std::to_string(number) + " (" + strsignal(number) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(wait_status));
}

std::string duration_in_words(uint64_t milliseconds) {
  if (milliseconds < 1000) return std::to_string(milliseconds) + " ms";
  char text[40];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(milliseconds) / 1000);
  return text;
}

}  // namespace fuse3::reattach
