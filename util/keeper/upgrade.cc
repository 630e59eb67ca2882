// The keeper's part that has another program take the server's place: it asks the server to leave,
// starts the new one, and when that does not come to serve, the one from before.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "keeper.h"
#include "keeper_log.h"

namespace fuse3::keeper {

using namespace reconnect;

namespace {

constexpr size_t kLongestCommand = 1 << 20;
// The server gives up its own try earlier than this.
constexpr std::chrono::seconds kLeavesWithin{15};
// From its leaving to its end: destroy() may have much to write.
constexpr std::chrono::seconds kEndsWithin{30};

Result<std::vector<std::string>> read_command(int file) {
  std::string text(kLongestCommand, 0);
  const ssize_t length = pread(file, text.data(), text.size(), 0);
  if (length < 0) return last_error();
  if (length == 0 || static_cast<size_t>(length) == text.size() ||
      text[static_cast<size_t>(length) - 1] != 0) {
    return Error{EINVAL};
  }
  std::vector<std::string> words;
  for (size_t at = 0; at < static_cast<size_t>(length);) {
    words.emplace_back(text.c_str() + at);
    at += words.back().size() + 1;
  }
  return words;
}

}  // namespace

void Keeper::begin_upgrade(Peer* peer, Packet* packet) {
  if (upgrade_) return refuse(peer, Refusal::kBusy, server_.pid, "an upgrade is under way");
  if (!server_.link || !server_.in_loop || policy_.in_outage()) {
    return refuse(peer, Refusal::kBusy, server_.pid,
                  "no server is serving it now: wait until one is");
  }
  Upgrade upgrade;
  if (!packet->fds.empty()) {
    Result<std::vector<std::string>> command = read_command(packet->fds[0].get());
    Result<Program> other =
        command ? program_.with_command(*std::move(command)) : Result<Program>(command.as_error());
    if (!other) {
      return refuse(peer, Refusal::kMalformed, other.error(),
                    std::string("the new command cannot be used: ") + strerror(other.error()));
    }
    upgrade.other = std::move(*other);
  }
  // Before the whole mount is given up there must be time for the old one.
  upgrade.start_within = std::chrono::seconds(packet->as<UpgradeMessage>().start_within_seconds);
  if (timeout_.count() > 0) {
    upgrade.start_within = std::min(upgrade.start_within, timeout_ / 2 + std::chrono::seconds(1));
  }
  upgrade.deadline = Clock::now() + kLeavesWithin;
  const auto sent =
      send_message(server_.link.get(), make_message<DrainMessage>(), {}, MSG_DONTWAIT);
  if (!sent) {
    return refuse(peer, Refusal::kBusy, server_.pid,
                  std::string("the server cannot be told: ") + strerror(sent.error()));
  }
  upgrade.asker = std::move(peer->socket);
  upgrade_ = std::move(upgrade);
}

void Keeper::on_drained(unsigned outstanding) {
  if (outstanding == 0) {
    server_.left = true;
    if (upgrade_) upgrade_->deadline = Clock::now() + kEndsWithin;
  } else if (upgrade_) {
    end_upgrade(UpgradeResult::kNotLeft, std::to_string(outstanding) +
                                             " requests were not finished in time; the server "
                                             "goes on");
  }
}

// The server is gone. True: what is in program_ is to be started. A start of the new one that has
// failed once is not tried again.
bool Keeper::may_start_upgraded() {
  if (upgrade_->phase == Upgrade::Phase::leaving) {
    upgrade_->phase = Upgrade::Phase::starting;
    if (upgrade_->other) std::swap(program_, *upgrade_->other);
    upgrade_->deadline = Clock::now() + upgrade_->start_within;
  } else if (upgrade_->phase == Upgrade::Phase::starting) {
    revert_upgrade("the new server did not come to serve" + last_end());
  }
  return true;
}

void Keeper::revert_upgrade(const std::string& failure) {
  say(LOG_ERR, "%s; starting the command from before", failure.c_str());
  upgrade_->phase = Upgrade::Phase::reverting;
  upgrade_->failure = failure;
  upgrade_->deadline = Time::max();
  if (upgrade_->other) program_ = std::move(*upgrade_->other);
}

void Keeper::finish_upgrade() {
  if (upgrade_->phase == Upgrade::Phase::reverting) {
    end_upgrade(UpgradeResult::kReverted, upgrade_->failure);
  } else if (upgrade_->phase == Upgrade::Phase::starting) {
    end_upgrade(UpgradeResult::kDone, {});
  }
}

void Keeper::end_upgrade(UpgradeResult result, const std::string& text) {
  auto message = make_message<UpgradeReplyMessage>();
  message.result = result;
  message.server_pid = server_.pid;
  put_text(message.text, text);
  (void)send_message(upgrade_->asker.get(), message, {}, MSG_DONTWAIT).ok();
  upgrade_.reset();
}

void Keeper::check_upgrade_deadline(Time now) {
  if (now < upgrade_->deadline) return;
  upgrade_->deadline = Time::max();
  if (upgrade_->phase == Upgrade::Phase::leaving) {
    if (server_.left && server_.process) {
      say(LOG_WARNING, "process %d has left, but does not end: it is killed", server_.pid);
      syscall(SYS_pidfd_send_signal, server_.process.get(), SIGKILL, nullptr, 0);
      return;
    }
    end_upgrade(
        UpgradeResult::kNotLeft,
        "the server did not say that it leaves: it hangs, or its library knows no upgrades");
    return;
  }
  if (upgrade_->phase == Upgrade::Phase::starting) {
    // Its end leads to the start of the other.
    if (pending_child_ != 0) kill(-pending_child_, SIGKILL);
    if (server_.process) {
      syscall(SYS_pidfd_send_signal, server_.process.get(), SIGKILL, nullptr, 0);
    }
  }
}

}  // namespace fuse3::keeper
