// The keeper's part that listens to the server and finds out when it is gone.
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "keeper.h"
#include "keeper_log.h"

namespace fuse3::keeper {

using namespace reconnect;

namespace {

// How long a process that held the link may be gone while its heir has not said hello, if there is
// no other limit.
constexpr std::chrono::seconds kHeirWithin{60};
constexpr std::chrono::seconds kReportEvery{10};
// A server that made way for another, or gave up, may have more to do before it ends, such as
// removing what only one may have; it is not waited for longer than this once it has let go of the
// connection.
constexpr std::chrono::seconds kLingerWithin{2};

bool has_ended(const UniqueFd& process) {
  pollfd watched{process.get(), POLLIN, 0};
  return poll(&watched, 1, 0) == 1 && watched.revents != 0;
}

}  // namespace

void Keeper::read_link() {
  while (server_.link) {
    Result<Packet> packet = receive_packet(server_.link.get(), MSG_DONTWAIT);
    if (packet) {
      on_link_packet(&*packet);
    } else if (packet.error() == EAGAIN) {
      return;
    } else if (packet.error() == EPIPE) {
      end_link();
    } else {
      // Packets have borders: the next one can be understood again.
      say(LOG_ERR, "a message of the server is lost: %s", strerror(packet.error()));
      if (packet.error() != EMFILE && packet.error() != EBADMSG &&
          packet.error() != EPROTONOSUPPORT) {
        end_link();
      }
    }
  }
}

void Keeper::on_link_packet(Packet* packet) {
  switch (packet->type()) {
    case MessageType::kDevices: {
      size_t index = packet->as<DevicesMessage>().first_index;
      for (UniqueFd& fd : packet->fds) held_.put_device(index++, std::move(fd));
      break;
    }
    case MessageType::kHello: {
      uint32_t flags = packet->as<HelloMessage>().flags;
      set_server_process(packet->pid);
      server_.heard = true;
      if ((flags & HelloMessage::kServing) != 0) server_.in_loop = true;
      if ((flags & HelloMessage::kStreamsNull) != 0) own_->point_streams_to_null();
      break;
    }
    case MessageType::kDaemonized:
      own_->point_streams_to_null();
      break;
    case MessageType::kServing:
      policy_.healthy();
      if (upgrade_) finish_upgrade();
      break;
    case MessageType::kDrained:
      on_drained(packet->as<DrainedMessage>().outstanding);
      break;
    case MessageType::kDetach:
      detached_ = true;
      break;
    case MessageType::kGoodbye:
      finish();
      server_.link.reset();
      break;
    default:
      say(LOG_ERR, "the server sent message %d, which it may not",
          static_cast<int>(packet->type()));
  }
}

// A process that has already ended leaves server_.process empty.
void Keeper::set_server_process(pid_t pid) {
  if (pid <= 0) return;
  if (pid != server_.pid) server_.in_loop = false;
  server_.pid = pid;
  server_.process.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  server_.heir_deadline = Clock::now() + (timeout_.count() > 0 ? timeout_ : kHeirWithin);
}

void Keeper::check_server() {
  // The order matters: a process that ended has sent all it will ever send.
  bool ended = server_.process && has_ended(server_.process);
  pid_t pid = server_.pid;
  read_link();
  if (done_) return;
  if (ended && server_.pid == pid) {
    server_.process.reset();
    server_.heir_deadline = Clock::now() + (timeout_.count() > 0 ? timeout_ : kHeirWithin);
  }
  if (!server_.process && (server_.in_loop || !server_.link)) server_is_gone();
}

void Keeper::end_link() {
  server_.link.reset();
  server_.linger_deadline = Clock::now() + kLingerWithin;
  // Who waits is not turned away just before.
  for (Peer& peer : peers_) {
    if (peer.wants_connection) peer.deadline = std::max(peer.deadline, server_.linger_deadline);
  }
}

// Its process lives longer than one whose link has ended because it dies.
void Keeper::server_lingered() {
  if (server_.left || server_.attached) return server_is_gone();
  say(LOG_NOTICE, "process %d has let go of the keeper without a word", server_.pid);
  done_ = true;
}

// What it had sent has been read.
void Keeper::server_is_gone() {
  Time now = Clock::now();
  const bool gave_up = server_.process && !server_.left;
  server_.link.reset();
  server_.process.reset();
  server_.in_loop = false;
  const bool left = std::exchange(server_.left, false);
  (void)reap();
  ended_server_ = server_.pid;
  ended_status_ = server_end_;
  bool ours = last_child_ != 0 && server_.pid == last_child_;
  if (stopping_) {
    say(LOG_NOTICE, "the server is gone, and so is the keeper, which was told to stop");
    held_.abort_connection();
    finish();
    return;
  }
  if (held_.mount_is_gone()) {
    finish();
    return;
  }
  // Each that gives up and lives on stays as a process: no more than so many are started.
  EndKind kind = EndKind::kKilled;
  if (ours && !left) kind = gave_up ? EndKind::kFailed : kind_of_child_end(now);
  policy_.ended(now, kind);
  if (left) {
    say(LOG_NOTICE, "process %d, the server, has left; starting %s", server_.pid,
        upgrade_ && upgrade_->other ? upgrade_->other->executable.c_str()
                                    : program_.executable.c_str());
  } else {
    report_end(now, gave_up ? "; it gave up and lives on" : ours ? last_end() : std::string());
  }
}

void Keeper::report_end(Time now, const std::string& how) {
  ++unreported_;
  if (reported_ && now - *reported_ < kReportEvery) return;
  std::string times = unreported_ > 1 ? " (" + std::to_string(unreported_) + " times lately)" : "";
  say(LOG_NOTICE, "process %d, the server, is gone%s%s; %s", server_.pid, how.c_str(),
      times.c_str(), detached_ ? "waiting for a successor" : "starting it again");
  reported_ = now;
  unreported_ = 0;
}

}  // namespace fuse3::keeper
