// libFuzzer: any bytes with any number of descriptors, as the parser sees a received packet.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "reconnect/holder/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fuse3::reconnect;
  if (size == 0) return 0;
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  if (check_packet(bytes, data[0]) != 0) return 0;
  Packet packet{};
  std::memcpy(packet.bytes.data(), bytes.data(), bytes.size());
  packet.length = bytes.size();
  if (packet.type() == MessageType::kDevices) {
    auto devices = packet.as<DevicesMessage>();
    if (devices.count > kDevicesPerPacket || devices.first_index + devices.count > kMostDevices) {
      __builtin_trap();
    }
  }
  if (packet.type() == MessageType::kUpgradeReply) {
    (void)get_text(packet.as<UpgradeReplyMessage>().text);
  }
  if (packet.type() == MessageType::kStatusReply) {
    (void)get_text(packet.as<StatusReplyMessage>().program);
  }
  if (packet.type() == MessageType::kRefused) (void)get_text(packet.as<RefusedMessage>().text);
  return 0;
}
