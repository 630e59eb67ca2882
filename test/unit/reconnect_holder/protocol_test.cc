// The messages between library and keeper: what is taken for one, and how descriptors travel.
#include "reconnect/holder/protocol.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

namespace fuse3::reconnect {
namespace {

struct Pair {
  UniqueFd a, b;
};

Pair socket_pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) abort();
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

template <class Message>
int check(const Message& message, size_t fds, size_t length = sizeof(Message)) {
  return check_packet(std::as_bytes(std::span(&message, 1)).first(length), fds);
}

TEST(Protocol, TakesWhatItMakes) {
  EXPECT_EQ(check(make_message<HelloMessage>(), 0), 0);
  EXPECT_EQ(check(make_message<AttachMessage>(), 0), 0);
  EXPECT_EQ(check(make_message<SetupMessage>(), 3), 0);
  EXPECT_EQ(check(make_message<AttachedMessage>(), 2), 0);
  EXPECT_EQ(check(make_message<StatusMessage>(), 0), 0);
  EXPECT_EQ(check(make_message<StatusReplyMessage>(), 1), 0);
}

TEST(Protocol, RefusesWrongLengths) {
  auto hello = make_message<HelloMessage>();
  for (size_t length = 0; length < sizeof hello; ++length)
    EXPECT_EQ(check(hello, 0, length), EBADMSG);
  hello.header.length += 1;
  EXPECT_EQ(check(hello, 0), EBADMSG);
  // The length that the header gives fits, and is not that of its type.
  auto attach = make_message<AttachMessage>();
  attach.header.type = MessageType::kHello;
  EXPECT_EQ(check(attach, 0), EBADMSG);
  EXPECT_EQ(check_packet(std::vector<std::byte>(kMaxPacket + 1), 0), EBADMSG);
}

TEST(Protocol, RefusesUnknownTypesAndStrangers) {
  auto message = make_message<AttachMessage>();
  message.header.type = static_cast<MessageType>(999);
  EXPECT_EQ(check(message, 0), EBADMSG);
  message = make_message<AttachMessage>();
  message.header.magic ^= 1;
  EXPECT_EQ(check(message, 0), EBADMSG);
}

TEST(Protocol, AnotherVersionIsToldApartAndItsRefusalUnderstood) {
  auto message = make_message<AttachMessage>();
  message.header.version = kProtocolVersion + 1;
  EXPECT_EQ(check(message, 0), EPROTONOSUPPORT);
  auto refused = make_message<RefusedMessage>();
  refused.header.version = kProtocolVersion + 1;
  EXPECT_EQ(check(refused, 0), 0);
}

TEST(Protocol, DescriptorsMustMatch) {
  EXPECT_EQ(check(make_message<HelloMessage>(), 1), EBADMSG);
  EXPECT_EQ(check(make_message<StatusReplyMessage>(), 0), EBADMSG);
  EXPECT_EQ(check(make_message<StatusReplyMessage>(), 2), EBADMSG);
  EXPECT_EQ(check(make_message<UpgradeMessage>(), 0), 0);
  EXPECT_EQ(check(make_message<UpgradeMessage>(), 1), 0);
  EXPECT_EQ(check(make_message<UpgradeMessage>(), 2), EBADMSG);
  EXPECT_EQ(check(make_message<DrainMessage>(), 0), 0);
  EXPECT_EQ(check(make_message<DrainedMessage>(), 1), EBADMSG);
  EXPECT_EQ(check(make_message<UpgradeReplyMessage>(), 1), EBADMSG);
  auto setup = make_message<SetupMessage>();
  setup.flags = SetupMessage::kHasAutoUnmount | SetupMessage::kHasDirectory;
  EXPECT_EQ(check(setup, 5), 0);
  EXPECT_EQ(check(setup, 4), EBADMSG);
  EXPECT_EQ(check(setup, 6), EBADMSG);
  setup.flags = 8;
  EXPECT_EQ(check(setup, 4), EBADMSG);
  auto devices = make_message<DevicesMessage>();
  devices.count = 2;
  EXPECT_EQ(check(devices, 2), 0);
  EXPECT_EQ(check(devices, 1), EBADMSG);
  devices.first_index = kMostDevices - 1;
  EXPECT_EQ(check(devices, 2), EBADMSG);
  devices.first_index = UINT32_MAX;
  EXPECT_EQ(check(devices, 2), EBADMSG);
}

TEST(Protocol, NoBytesCanHurt) {
  std::mt19937 random(20240607);
  auto valid = make_message<DevicesMessage>();
  size_t taken = 0;
  for (int round = 0; round < 200000; ++round) {
    std::vector<std::byte> bytes(random() % (kMaxPacket + 8));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    if (round % 2 == 0 && bytes.size() >= sizeof valid) {
      valid.header.type = static_cast<MessageType>(random() % 80);
      valid.header.length = static_cast<uint32_t>(bytes.size());
      std::memcpy(bytes.data(), &valid, sizeof valid);
    }
    int result = check_packet(bytes, random() % 210);
    ASSERT_TRUE(result == 0 || result == EBADMSG || result == EPROTONOSUPPORT);
    taken += result == 0 ? 1 : 0;
  }
  EXPECT_LT(taken, 20000u);
}

TEST(Protocol, DevicesTravelInTheirPlaces) {
  Pair link = socket_pair();
  std::vector<UniqueFd> own;
  std::vector<int> devices;
  for (int i = 0; i < 300; ++i) {
    bool hole = i == 7 || i == 250;
    own.emplace_back(hole ? -1 : memfd_create("device", MFD_CLOEXEC));
    if (!hole) {
      ASSERT_EQ(pwrite(own.back().get(), &i, sizeof i, 0), 4);
    }
    devices.push_back(own.back().get());
  }
  // 0-6, 8-207, 208-249, 251-299.
  EXPECT_EQ(device_packet_count(devices), 4u);
  ASSERT_TRUE(send_devices(link.a.get(), devices));
  own.clear();
  size_t seen = 0;
  for (int packets = 0; packets < 4; ++packets) {
    Result<Packet> packet = receive_packet(link.b.get(), MSG_DONTWAIT);
    ASSERT_TRUE(packet);
    ASSERT_EQ(packet->type(), MessageType::kDevices);
    auto message = packet->as<DevicesMessage>();
    ASSERT_EQ(message.count, packet->fds.size());
    for (uint32_t i = 0; i < message.count; ++i) {
      int index = -1;
      ASSERT_EQ(pread(packet->fds[i].get(), &index, sizeof index, 0), 4);
      EXPECT_EQ(index, static_cast<int>(message.first_index + i));
      EXPECT_NE(fcntl(packet->fds[i].get(), F_GETFD) & FD_CLOEXEC, 0);
      ++seen;
    }
  }
  EXPECT_EQ(seen, 298u);
  EXPECT_EQ(receive_packet(link.b.get(), MSG_DONTWAIT).error(), EAGAIN);
}

TEST(Protocol, TellsTheEndFromRubbish) {
  Pair link = socket_pair();
  ASSERT_EQ(send(link.a.get(), "rubbish", 7, 0), 7);
  std::vector<char> long_one(kMaxPacket + 100);
  ASSERT_GT(send(link.a.get(), long_one.data(), long_one.size(), 0), 0);
  ASSERT_TRUE(send_message(link.a.get(), make_message<AttachMessage>()));
  link.a.reset();
  EXPECT_EQ(receive_packet(link.b.get(), 0).error(), EBADMSG);
  EXPECT_EQ(receive_packet(link.b.get(), 0).error(), EBADMSG);
  // What comes after it is understood again.
  EXPECT_TRUE(receive_packet(link.b.get(), 0));
  EXPECT_EQ(receive_packet(link.b.get(), 0).error(), EPIPE);
  EXPECT_EQ(send_message(link.b.get(), make_message<AttachMessage>()).error(), EPIPE);
}

TEST(Protocol, TheSenderIsKnownFromTheKernel) {
  Pair link = socket_pair();
  int on = 1;
  ASSERT_EQ(setsockopt(link.b.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  ASSERT_TRUE(send_message(link.a.get(), make_message<HelloMessage>()));
  Result<Packet> packet = receive_packet(link.b.get(), 0);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->pid, getpid());
}

TEST(Protocol, WaitingEnds) {
  Pair link = socket_pair(), stop = socket_pair();
  EXPECT_EQ(receive_packet_within(link.b.get(), 20).error(), ETIMEDOUT);
  ASSERT_EQ(send(stop.a.get(), "x", 1, 0), 1);
  EXPECT_EQ(receive_packet_within(link.b.get(), 10000, stop.b.get()).error(), ECANCELED);
}

TEST(Protocol, TextsAreCutAndCleaned) {
  char field[8];
  put_text(field, "0123456789");
  EXPECT_EQ(get_text(field), "0123456");
  put_text(field, "a\n\x1b[b");
  EXPECT_EQ(get_text(field), "a??[b");
  std::memset(field, 'x', sizeof field);
  EXPECT_EQ(get_text(field), "xxxxxxxx");
}

}  // namespace
}  // namespace fuse3::reconnect
