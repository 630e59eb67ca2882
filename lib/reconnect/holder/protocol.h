// What the library and the keeper program say to each other: one small fixed struct per
// SOCK_SEQPACKET packet, descriptors beside it. Both programs compile this file. The header and
// RefusedMessage keep their layout in every version, so that two versions can at least part
// politely.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "support/result.h"
#include "support/unique_fd.h"

namespace fuse3::reconnect {

inline constexpr uint32_t kProtocolMagic = 0x504b5546;
inline constexpr uint16_t kProtocolVersion = 1;
inline constexpr size_t kMaxPacket = 512;
// The kernel allows 253 descriptors in a packet.
inline constexpr size_t kDevicesPerPacket = 200;
inline constexpr size_t kMostDevices = 4096;

enum class MessageType : uint16_t {
  // Server to keeper, on the link.
  kSetup = 1,
  kDevices,
  kSetupDone,
  kHello,
  kDaemonized,
  kServing,
  kDetach,
  kGoodbye,
  kDrained,
  // Anybody to keeper, on a connection to N.sock. A granted kAttach makes it the new link.
  kAttach = 32,
  kStatus,
  kUpgrade,
  // Keeper to the others. After kAttached come as many kDevices as it takes.
  kReady = 64,
  kAttached,
  kRefused,
  kStatusReply,
  kUpgradeReply,
  kDrain,
};

enum class Refusal : uint32_t { kBusy = 1, kNotOwner, kGivenUp, kMalformed, kVersion, kNotStarted };

enum class HolderState : uint32_t {
  kLive = 1,    // a server serves, or comes up for the first time
  kRecovering,  // a successor was started, or has the connection, and does not serve yet
  kDetached,    // no server, and none on its way: between two starts, or until somebody starts one
};

struct MessageHeader {
  uint32_t magic;
  uint16_t version;
  MessageType type;
  uint32_t length;  // of the whole packet
  uint32_t reserved;
};

// Descriptors, in this order: listening socket, runtime directory, state, then those that the flags
// name, in the flags' order.
struct SetupMessage {
  static constexpr MessageType kType = MessageType::kSetup;
  static constexpr uint32_t kHasAutoUnmount = 1;
  static constexpr uint32_t kHasDirectory = 2;
  static constexpr uint32_t kHasExecutable = 4;
  MessageHeader header;
  uint32_t connection;
  uint32_t timeout_seconds;
  uint32_t flags;
  uint32_t file_mode_mask;
  uint32_t ordinal;  // which of the server's mounts this is, from 1
  uint32_t reserved;
  uint64_t signal_mask;      // bit n-1 for signal n
  uint64_t ignored_signals;  // likewise
};

// Devices first_index, first_index + 1, ...: as many as there are descriptors.
struct DevicesMessage {
  static constexpr MessageType kType = MessageType::kDevices;
  MessageHeader header;
  uint32_t first_index;
  uint32_t count;
};

struct HelloMessage {
  static constexpr MessageType kType = MessageType::kHello;
  static constexpr uint32_t kServing = 1;      // sent by the process that runs the loop
  static constexpr uint32_t kStreamsNull = 2;  // its standard streams are /dev/null
  MessageHeader header;
  uint32_t flags;
  uint32_t reserved;
};

template <MessageType type>
struct PlainMessage {
  static constexpr MessageType kType = type;
  MessageHeader header;
};
using SetupDoneMessage = PlainMessage<MessageType::kSetupDone>;
using DaemonizedMessage = PlainMessage<MessageType::kDaemonized>;
using ServingMessage = PlainMessage<MessageType::kServing>;
using DetachMessage = PlainMessage<MessageType::kDetach>;
using GoodbyeMessage = PlainMessage<MessageType::kGoodbye>;
using AttachMessage = PlainMessage<MessageType::kAttach>;
using StatusMessage = PlainMessage<MessageType::kStatus>;
using ReadyMessage = PlainMessage<MessageType::kReady>;
// To the server, which answers with kDrained.
using DrainMessage = PlainMessage<MessageType::kDrain>;

// The server has finished all requests that it had, reads no more, and leaves without unmounting;
// or it could not finish them and goes on serving.
struct DrainedMessage {
  static constexpr MessageType kType = MessageType::kDrained;
  MessageHeader header;
  uint32_t outstanding;  // requests that were not finished in time; 0: it leaves
  uint32_t reserved;
};

// Descriptor: the new command, if there is one: a file with the executable's path, then its
// arguments from argv[0] on, each ended by a zero byte.
struct UpgradeMessage {
  static constexpr MessageType kType = MessageType::kUpgrade;
  MessageHeader header;
  uint32_t start_within_seconds;  // how long the new server may take until it serves
  uint32_t reserved;
};

enum class UpgradeResult : uint32_t {
  kDone = 1,
  kNotLeft,   // the server could not leave, and goes on
  kReverted,  // the new one failed, and the command from before serves again
};

struct UpgradeReplyMessage {
  static constexpr MessageType kType = MessageType::kUpgradeReply;
  MessageHeader header;
  UpgradeResult result;
  int32_t server_pid;  // who serves now
  char text[320];      // what went wrong
};

// Descriptors: state, then the auto-unmount socket if there is one.
struct AttachedMessage {
  static constexpr int32_t kEndUnknown = -1;
  static constexpr MessageType kType = MessageType::kAttached;
  MessageHeader header;
  uint32_t device_slots;    // the highest index + 1
  uint32_t device_packets;  // how many kDevices follow
  int32_t previous_pid;
  uint32_t timeout_seconds;
  int32_t previous_end;  // how it ended, as of waitpid(2); kEndUnknown if the keeper is not told
  uint32_t reserved;
};

struct RefusedMessage {
  static constexpr MessageType kType = MessageType::kRefused;
  MessageHeader header;
  Refusal reason;
  int32_t number;  // kBusy: the server's pid; kNotOwner: the owner's uid; kNotStarted: an errno
  char text[160];
};

// Descriptor: the state, for reading only.
struct StatusReplyMessage {
  static constexpr uint32_t kNever = UINT32_MAX;  // in place of a time
  static constexpr MessageType kType = MessageType::kStatusReply;
  MessageHeader header;
  HolderState state;
  int32_t server_pid;  // the last known one
  int32_t keeper_pid;
  uint32_t restarts;
  uint32_t connection;
  uint32_t devices;
  int32_t starting_pid;    // started, and has not asked for the connection yet; 0: none
  int32_t ended_pid;       // the server before; 0: there was none
  int32_t ended_status;    // as AttachedMessage::previous_end
  uint32_t failed_starts;  // of this outage
  uint32_t most_failed_starts;
  uint32_t timeout_seconds;  // 0: no limit
  uint32_t outage_ms;        // since when there is no service; kNever: there is
  uint32_t next_start_ms;    // kNever: none is planned
  uint32_t give_up_ms;       // likewise
  uint32_t reserved;
  char program[256];
};

// 0 if `packet` with `fd_count` descriptors is one that a peer of our version may send; else
// EBADMSG, or EPROTONOSUPPORT for another version's.
int check_packet(std::span<const std::byte> packet, size_t fd_count);

template <class Message>
Message make_message() {
  static_assert(std::is_trivially_copyable_v<Message> && sizeof(Message) <= kMaxPacket);
  Message message{};
  message.header = {kProtocolMagic, kProtocolVersion, Message::kType, sizeof(Message), 0};
  return message;
}

// A received packet that passed check_packet().
struct Packet {
  alignas(8) std::array<std::byte, kMaxPacket> bytes;
  size_t length = 0;
  std::vector<UniqueFd> fds;
  pid_t pid = 0;  // the sender's, from the kernel, when the socket has SO_PASSCRED; else 0

  MessageType type() const;
  // Only for the type that type() names.
  template <class Message>
  Message as() const {
    Message message;
    std::memcpy(&message, bytes.data(), sizeof message);
    return message;
  }
};

// EPIPE: the peer closed.
Result<void> send_bytes(int socket, std::span<const std::byte> packet, std::span<const int> fds,
                        int flags);

template <class Message>
Result<void> send_message(int socket, const Message& message, std::span<const int> fds = {},
                          int flags = 0) {
  return send_bytes(socket, std::as_bytes(std::span(&message, 1)), fds, flags);
}

// Sends devices[i] as device i; entries below 0 are holes and are left out.
Result<void> send_devices(int socket, std::span<const int> devices, int flags = 0);
size_t device_packet_count(std::span<const int> devices);

// Errors: EAGAIN, EPIPE (the peer closed), EBADMSG, EPROTONOSUPPORT, EMFILE (descriptors that came
// with the packet were lost), or what recvmsg(2) says. After EBADMSG and EPROTONOSUPPORT the next
// packet can be read. With `milliseconds` >= 0 it waits that long (then ETIMEDOUT) and ends early,
// with ECANCELED, when `stop_fd` becomes readable.
Result<Packet> receive_packet(int socket, int flags);
Result<Packet> receive_packet_within(int socket, int milliseconds, int stop_fd = -1);

// Copies `text`, cut to fit, always terminated.
template <size_t size>
void put_text(char (&field)[size], const std::string& text) {
  size_t length = text.size() < size ? text.size() : size - 1;
  std::memcpy(field, text.data(), length);
  field[length] = 0;
}
// What a text field of a received message says, with unprintable bytes replaced.
std::string get_text(std::span<const char> field);

// File names in the runtime directory.
std::string socket_name(unsigned connection);
std::string state_name(unsigned connection);

}  // namespace fuse3::reconnect
