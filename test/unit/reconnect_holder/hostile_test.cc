// Peers of a living keeper that do not keep to the protocol. It must go on, and its server with it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "reconnect/holder/runtime_socket.h"
#include "world.h"

namespace fuse3::reconnect::test {
namespace {

class Hostile : public ::testing::Test {
 protected:
  void SetUp() override {
    first_ = world_.start_server();
    ASSERT_NE(world_.entry(0).pid, 0);
    keeper_ = world_.keeper();
    ASSERT_GT(keeper_, 0);
  }

  void TearDown() override {
    EXPECT_EQ(world_.keeper(), keeper_) << "still the same one";
    send_signal(first_, SIGKILL);
    EXPECT_EQ(world_.entry(1).generation, 2) << "and it does its work";
  }

  UniqueFd connect() {
    Result<UniqueFd> socket = connect_to_keeper(world_.directory.get(), world_.connection);
    return socket ? std::move(*socket) : UniqueFd();
  }

  World world_;
  pid_t first_ = 0;
  pid_t keeper_ = 0;
};

TEST_F(Hostile, RandomBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    UniqueFd socket = connect();
    ASSERT_TRUE(socket);
    std::vector<unsigned char> bytes(random() % 700);
    for (unsigned char& b : bytes) b = static_cast<unsigned char>(random());
    if (round % 2 == 0 && bytes.size() >= sizeof(MessageHeader)) {
      MessageHeader header{kProtocolMagic, kProtocolVersion,
                           static_cast<MessageType>(random() % 80),
                           static_cast<uint32_t>(bytes.size()), 0};
      std::memcpy(bytes.data(), &header, sizeof header);
    }
    (void)!send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
}

TEST_F(Hostile, MessagesForTheLinkOnly) {
  auto refused = [&](const auto& message, std::span<const int> fds) {
    UniqueFd socket = connect();
    (void)send_message(socket.get(), message, fds).ok();
    Result<Packet> answer = receive_packet_within(socket.get(), 3000);
    return answer && answer->type() == MessageType::kRefused &&
           answer->as<RefusedMessage>().reason == Refusal::kMalformed;
  };
  EXPECT_TRUE(refused(make_message<GoodbyeMessage>(), {}));
  EXPECT_TRUE(refused(make_message<HelloMessage>(), {}));
  auto devices = make_message<DevicesMessage>();
  devices.count = 1;
  int fd = STDIN_FILENO;
  EXPECT_TRUE(refused(devices, std::span<const int>(&fd, 1)));
}

TEST_F(Hostile, CommandsThatAreNone) {
  const std::string commands[] = {{},
                                  "no end",
                                  std::string(1, '\0'),
                                  std::string("/bin/true\0", 10),
                                  std::string("/no/such\0x\0", 11),
                                  std::string(1 << 21, 'x')};
  for (const std::string& command : commands) {
    UniqueFd file(memfd_create("command", MFD_CLOEXEC));
    ASSERT_EQ(write(file.get(), command.data(), command.size()),
              static_cast<ssize_t>(command.size()));
    UniqueFd socket = connect();
    const int fd = file.get();
    ASSERT_TRUE(
        send_message(socket.get(), make_message<UpgradeMessage>(), std::span<const int>(&fd, 1)));
    Result<Packet> answer = receive_packet_within(socket.get(), 3000);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->type(), MessageType::kRefused);
    EXPECT_EQ(answer->as<RefusedMessage>().reason, Refusal::kMalformed);
  }
}

TEST_F(Hostile, AnotherVersion) {
  UniqueFd socket = connect();
  auto message = make_message<AttachMessage>();
  message.header.version = 77;
  ASSERT_TRUE(send_message(socket.get(), message));
  Result<Packet> answer = receive_packet_within(socket.get(), 3000);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->as<RefusedMessage>().reason, Refusal::kVersion);
}

TEST_F(Hostile, ManyWhoSayNothing) {
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 40; ++i) silent.push_back(connect());
  usleep(100000);
  silent.clear();
  usleep(100000);
}

TEST_F(Hostile, WhoAsksAndGoes) {
  for (int i = 0; i < 20; ++i) {
    UniqueFd socket = connect();
    (void)send_message(socket.get(), make_message<AttachMessage>()).ok();
  }
  usleep(100000);
}

TEST_F(Hostile, AUselessDescriptorInEveryPacket) {
  int fd = STDIN_FILENO;
  for (int i = 0; i < 50; ++i) {
    UniqueFd socket = connect();
    (void)send_message(socket.get(), make_message<StatusMessage>(), std::span<const int>(&fd, 1))
        .ok();
  }
  std::string why;
  EXPECT_TRUE(holder_status(world_.directory.get(), world_.connection, &why)) << why;
}

}  // namespace
}  // namespace fuse3::reconnect::test
