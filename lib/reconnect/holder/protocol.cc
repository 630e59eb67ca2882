#include "reconnect/holder/protocol.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>

namespace fuse3::reconnect {
namespace {

struct Shape {
  MessageType type;
  size_t length;
  size_t min_fds;
  size_t max_fds;
};

template <class Message>
constexpr Shape shape(size_t min_fds = 0, size_t max_fds = 0) {
  return {Message::kType, sizeof(Message), min_fds, max_fds};
}

constexpr Shape kShapes[] = {
    shape<SetupMessage>(3, 6),   shape<DevicesMessage>(1, kDevicesPerPacket),
    shape<SetupDoneMessage>(),   shape<HelloMessage>(),
    shape<DaemonizedMessage>(),  shape<ServingMessage>(),
    shape<DetachMessage>(),      shape<GoodbyeMessage>(),
    shape<AttachMessage>(),      shape<StatusMessage>(),
    shape<ReadyMessage>(),       shape<AttachedMessage>(1, 2),
    shape<RefusedMessage>(),     shape<StatusReplyMessage>(1, 1),
    shape<DrainMessage>(),       shape<DrainedMessage>(),
    shape<UpgradeMessage>(0, 1), shape<UpgradeReplyMessage>(),
};

bool devices_are_sound(const DevicesMessage& message, size_t fd_count) {
  return message.count == fd_count && message.first_index < kMostDevices &&
         message.first_index + fd_count <= kMostDevices;
}

bool setup_is_sound(const SetupMessage& message, size_t fd_count) {
  constexpr uint32_t kKnown =
      SetupMessage::kHasAutoUnmount | SetupMessage::kHasDirectory | SetupMessage::kHasExecutable;
  if ((message.flags & ~kKnown) != 0) return false;
  return fd_count == 3u + static_cast<unsigned>(__builtin_popcount(message.flags));
}

// A run of devices without holes, short enough for one packet.
struct Run {
  size_t first;
  size_t count;
};

Run next_run(std::span<const int> devices, size_t from) {
  while (from < devices.size() && devices[from] < 0) ++from;
  size_t end = from;
  while (end < devices.size() && devices[end] >= 0 && end - from < kDevicesPerPacket) ++end;
  return {from, end - from};
}

constexpr size_t kControlSpace =
    CMSG_SPACE(sizeof(int) * (kDevicesPerPacket + 1)) + CMSG_SPACE(sizeof(ucred));

void take_control(msghdr* header, Packet* packet) {
  for (cmsghdr* c = CMSG_FIRSTHDR(header); c != nullptr; c = CMSG_NXTHDR(header, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_RIGHTS) {
      size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
        packet->fds.emplace_back(fd);
      }
    } else if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(ucred))) {
      ucred credentials;
      std::memcpy(&credentials, CMSG_DATA(c), sizeof credentials);
      packet->pid = credentials.pid;
    }
  }
}

int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

int check_packet(std::span<const std::byte> packet, size_t fd_count) {
  MessageHeader header;
  if (packet.size() < sizeof header || packet.size() > kMaxPacket) return EBADMSG;
  std::memcpy(&header, packet.data(), sizeof header);
  if (header.magic != kProtocolMagic || header.length != packet.size()) return EBADMSG;
  // A refusal can be understood whatever the version.
  if (header.version != kProtocolVersion && header.type != MessageType::kRefused) {
    return EPROTONOSUPPORT;
  }
  const Shape* found = std::find_if(std::begin(kShapes), std::end(kShapes),
                                    [&](const Shape& s) { return s.type == header.type; });
  if (found == std::end(kShapes) || packet.size() != found->length) return EBADMSG;
  if (fd_count < found->min_fds || fd_count > found->max_fds) return EBADMSG;
  if (header.type == MessageType::kDevices) {
    DevicesMessage message;
    std::memcpy(&message, packet.data(), sizeof message);
    return devices_are_sound(message, fd_count) ? 0 : EBADMSG;
  }
  if (header.type == MessageType::kSetup) {
    SetupMessage message;
    std::memcpy(&message, packet.data(), sizeof message);
    return setup_is_sound(message, fd_count) ? 0 : EBADMSG;
  }
  return 0;
}

MessageType Packet::type() const {
  return as<MessageHeader>().type;
}

Result<void> send_bytes(int socket, std::span<const std::byte> packet, std::span<const int> fds,
                        int flags) {
  if (fds.size() > kDevicesPerPacket) return Error{EINVAL};
  alignas(cmsghdr) std::byte control[kControlSpace] = {};
  iovec piece{const_cast<std::byte*>(packet.data()), packet.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &header, flags | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return {};
  // A peer that closed, with or without packets of ours unread.
  if (errno == ECONNRESET || errno == ECONNREFUSED || errno == ENOTCONN) return Error{EPIPE};
  return last_error();
}

size_t device_packet_count(std::span<const int> devices) {
  size_t packets = 0;
  for (Run run = next_run(devices, 0); run.count > 0;
       run = next_run(devices, run.first + run.count)) {
    ++packets;
  }
  return packets;
}

Result<void> send_devices(int socket, std::span<const int> devices, int flags) {
  if (devices.size() > kMostDevices) return Error{E2BIG};
  for (Run run = next_run(devices, 0); run.count > 0;
       run = next_run(devices, run.first + run.count)) {
    auto message = make_message<DevicesMessage>();
    message.first_index = static_cast<uint32_t>(run.first);
    message.count = static_cast<uint32_t>(run.count);
    Result<void> sent = send_message(socket, message, devices.subspan(run.first, run.count), flags);
    if (!sent) return sent;
  }
  return {};
}

Result<Packet> receive_packet(int socket, int flags) {
  Packet packet;
  alignas(cmsghdr) std::byte control[kControlSpace];
  iovec piece{packet.bytes.data(), packet.bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  // A peer that closed with packets of ours unread.
  if (got < 0 && errno == ECONNRESET) return Error{EPIPE};
  if (got < 0) return last_error();
  take_control(&header, &packet);
  if (got == 0) return Error{packet.fds.empty() ? EPIPE : EBADMSG};
  if ((header.msg_flags & MSG_CTRUNC) != 0) return Error{EMFILE};
  if ((header.msg_flags & MSG_TRUNC) != 0) return Error{EBADMSG};
  packet.length = static_cast<size_t>(got);
  int wrong = check_packet(std::span(packet.bytes.data(), packet.length), packet.fds.size());
  if (wrong != 0) return Error{wrong};
  return packet;
}

Result<Packet> receive_packet_within(int socket, int milliseconds, int stop_fd) {
  int64_t deadline = now_ms() + milliseconds;
  for (;;) {
    pollfd watched[] = {{socket, POLLIN, 0}, {stop_fd, POLLIN, 0}};
    int64_t left = std::max<int64_t>(deadline - now_ms(), 0);
    int ready = poll(watched, 2, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return last_error();
    if (ready == 0) return Error{ETIMEDOUT};
    if (watched[1].revents != 0) return Error{ECANCELED};
    Result<Packet> packet = receive_packet(socket, MSG_DONTWAIT);
    if (packet || packet.error() != EAGAIN) return packet;
  }
}

std::string get_text(std::span<const char> field) {
  std::string text(field.data(), strnlen(field.data(), field.size()));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  }
  return text;
}

std::string socket_name(unsigned connection) {
  return std::to_string(connection) + ".sock";
}

std::string state_name(unsigned connection) {
  return std::to_string(connection) + ".state";
}

}  // namespace fuse3::reconnect
