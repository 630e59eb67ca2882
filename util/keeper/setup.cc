#include "setup.h"

#include "reconnect/holder/protocol.h"

namespace fuse3::keeper {
namespace {

using namespace reconnect;

constexpr int kSetupWithinMs = 10000;

void take_setup(Packet* packet, Setup* setup, Program* program) {
  auto message = packet->as<SetupMessage>();
  size_t next = 0;
  auto take = [&] { return std::move(packet->fds[next++]); };
  setup->server_pid = packet->pid;
  setup->timeout = std::chrono::seconds(message.timeout_seconds);
  setup->holdings.connection = message.connection;
  setup->listener = take();
  setup->holdings.directory = take();
  setup->holdings.state = take();
  if ((message.flags & SetupMessage::kHasAutoUnmount) != 0) setup->holdings.auto_unmount = take();
  if ((message.flags & SetupMessage::kHasDirectory) != 0) program->directory = take();
  if ((message.flags & SetupMessage::kHasExecutable) != 0) program->executable_file = take();
  program->connection = message.connection;
  program->ordinal = message.ordinal;
  program->file_mode_mask = static_cast<mode_t>(message.file_mode_mask & 0777);
  program->signal_mask = message.signal_mask;
  program->ignored_signals = message.ignored_signals;
}

}  // namespace

Result<Setup> receive_setup(int link, Program* program) {
  Setup setup;
  for (;;) {
    Result<Packet> packet = receive_packet_within(link, kSetupWithinMs);
    if (!packet) return packet.as_error();
    bool first = !setup.listener;
    if (first != (packet->type() == MessageType::kSetup)) return Error{EBADMSG};
    switch (packet->type()) {
      case MessageType::kSetup:
        take_setup(&*packet, &setup, program);
        break;
      case MessageType::kDevices: {
        size_t index = packet->as<DevicesMessage>().first_index;
        for (UniqueFd& fd : packet->fds) setup.holdings.put_device(index++, std::move(fd));
        break;
      }
      case MessageType::kSetupDone:
        if (setup.server_pid <= 0) return Error{EBADMSG};
        setup.holdings.note_socket();
        return setup;
      default:
        return Error{EBADMSG};
    }
  }
}

}  // namespace fuse3::keeper
