// The keeper's part that talks to those who connect to N.sock.
#include <errno.h>
#include <fcntl.h>
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

constexpr std::chrono::seconds kRequestWithin{5};
// A server that was just killed is not yet dead, and who killed it may be quicker.
constexpr std::chrono::seconds kDyingWithin{2};

}  // namespace

void Keeper::accept_peers() {
  while (peers_.size() < kMostPeers) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) break;
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) continue;
    peers_.push_back({std::move(socket), credentials.pid, credentials.uid,
                      Clock::now() + kRequestWithin, false});
  }
  // A new mount may have got our number: its server finds us here, and our own one has not yet
  // noticed that its mount is gone.
  if (held_.mount_is_gone()) finish();
}

void Keeper::read_peer(Peer* peer) {
  Result<Packet> packet = receive_packet(peer->socket.get(), MSG_DONTWAIT);
  if (!packet && packet.error() == EAGAIN) return;
  if (!packet && packet.error() == EPROTONOSUPPORT) {
    refuse(peer, Refusal::kVersion, kProtocolVersion,
           "the keeper speaks version " + std::to_string(kProtocolVersion));
    return;
  }
  if (!packet) {
    if (packet.error() != EPIPE) {
      say(LOG_WARNING, "process %d sent what is no message: %s", peer->pid,
          strerror(packet.error()));
      refuse(peer, Refusal::kMalformed, 0, "that is no message");
    }
    peer->socket.reset();
    return;
  }
  // Root may look, since it can anyway, but gets nothing that could be served with.
  const bool looks = packet->type() == MessageType::kStatus && peer->uid == 0;
  if (peer->uid != geteuid() && !looks) {
    say(LOG_WARNING, "refused process %d of user %u", peer->pid, peer->uid);
    refuse(peer, Refusal::kNotOwner, static_cast<int>(geteuid()),
           "it belongs to user " + std::to_string(geteuid()) + ": run as that user");
    return;
  }
  switch (packet->type()) {
    case MessageType::kStatus:
      answer_status(peer);
      break;
    case MessageType::kUpgrade:
      begin_upgrade(peer, &*packet);
      break;
    case MessageType::kAttach:
      peer->wants_connection = true;
      peer->deadline = Clock::now() + kDyingWithin;
      break;
    default:
      refuse(peer, Refusal::kMalformed, 0, "not a message for this socket");
  }
}

// Best effort: a peer that does not read is not waited for.
void Keeper::refuse(Peer* peer, Refusal reason, int number, const std::string& text) {
  auto message = make_message<RefusedMessage>();
  message.reason = reason;
  message.number = number;
  put_text(message.text, text);
  (void)send_message(peer->socket.get(), message, {}, MSG_DONTWAIT).ok();
  peer->socket.reset();
}

// Those who wait in the socket's queue, too.
void Keeper::refuse_all(Refusal reason, const std::string& text) {
  do {
    for (Peer& peer : peers_) {
      if (peer.socket) refuse(&peer, reason, 0, text);
    }
    drop_finished_peers();
    accept_peers();
  } while (!peers_.empty());
}

HolderState Keeper::state() const {
  if (server_.present() && !policy_.in_outage()) return HolderState::kLive;
  if (server_.present() || pending_child_ != 0) return HolderState::kRecovering;
  return HolderState::kDetached;
}

void Keeper::describe_outage(Time now, StatusReplyMessage* message) const {
  auto until = [now](Time then) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(then - now).count();
    return static_cast<uint32_t>(std::clamp<int64_t>(left, 0, StatusReplyMessage::kNever - 1));
  };
  message->outage_ms = message->next_start_ms = message->give_up_ms = StatusReplyMessage::kNever;
  message->failed_starts = policy_.failures();
  message->most_failed_starts = RestartPolicy::kMostFailures;
  message->timeout_seconds = static_cast<uint32_t>(timeout_.count());
  if (std::optional<Time> began = policy_.began()) message->outage_ms = until(now + (now - *began));
  if (std::optional<Time> end = policy_.deadline()) message->give_up_ms = until(*end);
  if (!server_.present() && pending_child_ == 0 && !detached_) {
    message->next_start_ms = until(policy_.next_start());
  }
}

// The state goes along for reading only: who asks may look at it, and change nothing.
void Keeper::answer_status(Peer* peer) {
  (void)reap();
  const std::string path = "/proc/self/fd/" + std::to_string(held_.state.get());
  UniqueFd state(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!state) {
    refuse(peer, Refusal::kMalformed, errno,
           std::string("the keeper cannot open the state: ") + strerror(errno));
    return;
  }
  auto message = make_message<StatusReplyMessage>();
  message.state = this->state();
  message.server_pid = server_.pid;
  message.keeper_pid = getpid();
  message.restarts = restarts_;
  message.connection = held_.connection;
  message.devices = held_.device_count();
  message.starting_pid = pending_child_;
  message.ended_pid = ended_server_;
  message.ended_status = ended_status_.value_or(AttachedMessage::kEndUnknown);
  describe_outage(Clock::now(), &message);
  put_text(message.program, program_.executable);
  const int fd = state.get();
  (void)send_message(peer->socket.get(), message, std::span(&fd, 1), MSG_DONTWAIT).ok();
  peer->socket.reset();
}

// The first who asked; the others wait on, until they are told that it is served.
void Keeper::grant_if_possible() {
  for (Peer& peer : peers_) {
    if (!peer.socket || !peer.wants_connection) continue;
    // Who gave up tries again.
    if (server_.attached && server_.lingers() && peer.pid == server_.pid) server_is_gone();
    if (done_) return;
    if (server_.present()) continue;
    if (grant(&peer)) return;
    peer.socket.reset();
  }
}

bool Keeper::grant(Peer* peer) {
  UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, peer->pid, 0)));
  if (!process) {
    say(LOG_WARNING, "cannot watch process %d: %s", peer->pid, strerror(errno));
    return false;
  }
  std::vector<int> devices = held_.devices();
  auto message = make_message<AttachedMessage>();
  message.device_slots = static_cast<uint32_t>(devices.size());
  message.device_packets = static_cast<uint32_t>(device_packet_count(devices));
  message.previous_pid = server_.pid;
  message.timeout_seconds = static_cast<uint32_t>(timeout_.count());
  (void)reap();
  message.previous_end = server_end_.value_or(AttachedMessage::kEndUnknown);
  std::vector<int> fds = {held_.state.get()};
  if (held_.auto_unmount) fds.push_back(held_.auto_unmount.get());
  Result<void> sent = send_message(peer->socket.get(), message, fds, MSG_DONTWAIT);
  if (sent) sent = send_devices(peer->socket.get(), devices, MSG_DONTWAIT);
  if (!sent) {
    say(LOG_WARNING, "cannot hand over to process %d: %s", peer->pid, strerror(sent.error()));
    return false;
  }
  server_ = Server{peer->pid, std::move(process), std::move(peer->socket)};
  server_.attached = true;
  if (peer->pid == pending_child_) pending_child_ = 0;
  server_end_.reset();
  detached_ = false;
  ++restarts_;
  return true;
}

void Keeper::drop_finished_peers() {
  std::erase_if(peers_, [](const Peer& peer) { return !peer.socket; });
}

}  // namespace fuse3::keeper
