#include "reconnect/holder/take_over.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "reconnect/holder/runtime_socket.h"

namespace fuse3::reconnect {
namespace {

// More than the 2 s that the keeper gives a dying server.
constexpr int kAnswerWithinMs = 10000;
// Leaving, ending, starting, and starting the old one again.
constexpr int kUpgradeWithinMs = 3600 * 1000;

int refusal_errno(Refusal reason) {
  switch (reason) {
    case Refusal::kBusy:
      return EBUSY;
    case Refusal::kNotOwner:
      return EACCES;
    case Refusal::kGivenUp:
      return ETIMEDOUT;
    case Refusal::kVersion:
      return EPROTONOSUPPORT;
    default:
      return EPROTO;
  }
}

Error explain(int number, std::string* why) {
  switch (number) {
    case ENOENT:
    case ECONNREFUSED:
      *why = "no keeper is running for it";
      break;
    case EPIPE:
      *why = "the keeper ended";
      break;
    case EPROTONOSUPPORT:
      *why = "the keeper is of another version";
      break;
    default:
      *why = std::string("cannot talk to the keeper: ") + strerror(number);
  }
  return Error{number};
}

Error understand_refusal(const Packet& packet, std::string* why) {
  auto refused = packet.as<RefusedMessage>();
  *why = get_text(refused.text);
  return Error{refusal_errno(refused.reason)};
}

template <class Request>
Result<UniqueFd> ask(int runtime_dir_fd, unsigned connection, std::string* why,
                     const Request& request = make_message<Request>(),
                     std::span<const int> fds = {}) {
  Result<UniqueFd> socket = connect_to_keeper(runtime_dir_fd, connection);
  if (!socket) return explain(socket.error(), why);
  Result<void> sent = send_message(socket->get(), request, fds);
  // A keeper that refuses may have answered and closed before it was asked.
  if (!sent && sent.error() != EPIPE) return explain(sent.error(), why);
  return socket;
}

template <class Answer>
Result<Packet> await(int socket, std::string* why, int milliseconds = kAnswerWithinMs) {
  Result<Packet> packet = receive_packet_within(socket, milliseconds);
  if (!packet) return explain(packet.error(), why);
  if (packet->type() == MessageType::kRefused) return understand_refusal(*packet, why);
  if (packet->type() != Answer::kType) return explain(EPROTO, why);
  return packet;
}

std::optional<uid_t> peer_user(int socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return std::nullopt;
  return peer.uid;
}

// The directory is the user's alone; this is for a directory that somebody else opened for us.
bool is_trusted(int socket) {
  const std::optional<uid_t> user = peer_user(socket);
  return user && (*user == geteuid() || *user == 0);
}

}  // namespace

Result<Takeover> take_over(int runtime_dir_fd, unsigned connection, std::string* why) {
  Result<UniqueFd> socket = ask<AttachMessage>(runtime_dir_fd, connection, why);
  if (!socket) return socket.as_error();
  Result<Packet> answer = await<AttachedMessage>(socket->get(), why);
  if (!answer) return answer.as_error();
  if (!is_trusted(socket->get())) {
    *why = "the keeper is another user's";
    return Error{EACCES};
  }
  auto attached = answer->as<AttachedMessage>();
  if (attached.device_slots > kMostDevices) return explain(EPROTO, why);

  Takeover taken;
  taken.state = std::move(answer->fds[0]);
  if (answer->fds.size() > 1) taken.auto_unmount = std::move(answer->fds[1]);
  taken.previous_pid = attached.previous_pid;
  taken.previous_end = attached.previous_end;
  taken.timeout_seconds = attached.timeout_seconds;
  taken.devices.resize(attached.device_slots);
  for (uint32_t i = 0; i < attached.device_packets; ++i) {
    Result<Packet> packet = await<DevicesMessage>(socket->get(), why);
    if (!packet) return packet.as_error();
    auto devices = packet->as<DevicesMessage>();
    if (devices.first_index + devices.count > attached.device_slots) return explain(EPROTO, why);
    for (uint32_t k = 0; k < devices.count; ++k) {
      taken.devices[devices.first_index + k] = std::move(packet->fds[k]);
    }
  }
  taken.link = std::move(*socket);
  return taken;
}

Result<HolderStatus> holder_status(int runtime_dir_fd, unsigned connection, std::string* why) {
  Result<UniqueFd> socket = ask<StatusMessage>(runtime_dir_fd, connection, why);
  if (!socket) return socket.as_error();
  Result<Packet> answer = await<StatusReplyMessage>(socket->get(), why);
  if (!answer) return answer.as_error();
  HolderStatus status{answer->as<StatusReplyMessage>(), {}, std::move(answer->fds[0])};
  status.program = get_text(status.said.program);
  status.owner = peer_user(socket->get()).value_or(static_cast<uid_t>(-1));
  return status;
}

Result<UpgradeOutcome> upgrade_server(int runtime_dir_fd, unsigned connection,
                                      const std::vector<std::string>& command,
                                      unsigned start_within_seconds, std::string* why) {
  auto message = make_message<UpgradeMessage>();
  message.start_within_seconds = start_within_seconds;
  UniqueFd file;
  if (!command.empty()) {
    std::string text;
    for (const std::string& word : command) text += word + '\0';
    file.reset(memfd_create("command", MFD_CLOEXEC));
    if (!file) return explain(errno, why);
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      return explain(EIO, why);
    }
  }
  const int fd = file.get();
  Result<UniqueFd> socket =
      ask(runtime_dir_fd, connection, why, message, std::span(&fd, file ? 1 : 0));
  if (!socket) return socket.as_error();
  // The keeper ends what takes too long; when it ends itself that shows at once.
  Result<Packet> answer = await<UpgradeReplyMessage>(socket->get(), why, kUpgradeWithinMs);
  if (!answer) return answer.as_error();
  auto reply = answer->as<UpgradeReplyMessage>();
  return UpgradeOutcome{reply.result, reply.server_pid, get_text(reply.text)};
}

}  // namespace fuse3::reconnect
