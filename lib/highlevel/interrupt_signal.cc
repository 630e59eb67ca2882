#include "highlevel/interrupt_signal.h"

#include <signal.h>

#include <cerrno>
#include <cstring>

#include "highlevel/fuse_struct.h"
#include "support/log.h"

namespace fuse3 {
namespace {

void do_nothing(int) {}

}  // namespace

void install_interrupt_signal(fuse& owner) {
  if (owner.signal_installed) return;
  const int number = owner.config.intr_signal;
  struct sigaction present {};
  if (::sigaction(number, nullptr, &present) != 0) {
    log_error("fuse: intr_signal=%d is not a signal: %s", number, std::strerror(errno));
    return;
  }
  if (present.sa_handler != SIG_DFL) return;
  struct sigaction ours {};
  ours.sa_handler = do_nothing;
  ::sigemptyset(&ours.sa_mask);
  // Without SA_RESTART: system calls are to fail with EINTR.
  owner.signal_installed = ::sigaction(number, &ours, nullptr) == 0;
}

void remove_interrupt_signal(fuse& owner) {
  if (!std::exchange(owner.signal_installed, false)) return;
  ::signal(owner.config.intr_signal, SIG_DFL);
}

}  // namespace fuse3
