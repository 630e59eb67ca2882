#include <gtest/gtest.h>

#include "golden.h"

namespace fuse3::wire::test {
namespace {

TEST(WireIo, Open) {
  auto open = Packet("open").as<Open>();
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->flags, 0x8002u);
  EXPECT_EQ(open->open_flags, open_request::kill_suidgid);
  auto opendir = Packet("opendir").as<Opendir>();
  ASSERT_TRUE(opendir.ok());
  EXPECT_EQ(opendir->flags, 0x18000u);
}

void check_read(const Result<Read>& args, bool old) {
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->handle, kHandle);
  EXPECT_EQ(args->offset, 4096u);
  EXPECT_EQ(args->size, 131072u);
  EXPECT_EQ(args->read_flags, old ? 0u : read_flag::lockowner);
  EXPECT_EQ(args->lock_owner, old ? 0u : kOwner);
  EXPECT_EQ(args->flags, old ? 0u : 0x8000u);
}

TEST(WireIo, ReadByVersion) {
  check_read(Packet("read").as<Read>(), false);
  check_read(Packet("read_7.8").as<Read>(), true);
}

TEST(WireIo, ReadDirectories) {
  auto readdir = Packet("readdir").as<Readdir>();
  ASSERT_TRUE(readdir.ok());
  EXPECT_EQ(readdir->handle, kHandle);
  EXPECT_EQ(readdir->offset, 4096u);
  auto plus = Packet("readdirplus").as<Readdirplus>();
  ASSERT_TRUE(plus.ok());
  EXPECT_EQ(plus->size, 131072u);
}

TEST(WireIo, WriteByVersion) {
  for (const char* name : {"write", "write_7.12", "write_7.8"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Write>();
    ASSERT_TRUE(args.ok());
    bool old = packet.negotiated.minor < 9;
    EXPECT_EQ(args->handle, kHandle);
    EXPECT_EQ(args->offset, 8192u);
    EXPECT_EQ(args->size, 11u);
    EXPECT_EQ(args->write_flags, 7u);
    EXPECT_EQ(args->lock_owner, old ? 0u : kOwner);
    EXPECT_EQ(args->flags, old ? 0u : 0x8001u);
    EXPECT_EQ(text(args->data), "hello world");
  }
}

TEST(WireIo, WriteWithDataOutside) {
  std::vector<std::byte> bytes = golden_request("write").bytes();
  for (size_t outside : {size_t{11}, size_t{5}}) {
    std::vector<std::byte> here(bytes.begin(), bytes.end() - static_cast<ptrdiff_t>(outside));
    auto message = Message::parse_split(here, outside);
    ASSERT_TRUE(message.ok());
    auto args = decode<Write>(*message, Negotiated{});
    ASSERT_TRUE(args.ok());
    EXPECT_EQ(args->size, 11u);
    EXPECT_EQ(text(args->data), std::string_view("hello world").substr(0, 11 - outside));
    EXPECT_FALSE(Message::parse_split(here, outside - 1).ok());
    EXPECT_FALSE(Message::parse_split(here, outside + 1).ok());
  }
}

TEST(WireIo, Close) {
  auto release = Packet("release").as<Release>();
  ASSERT_TRUE(release.ok());
  EXPECT_EQ(release->handle, kHandle);
  EXPECT_EQ(release->flags, 0x8002u);
  EXPECT_EQ(release->release_flags, release_flag::flush | release_flag::flock_unlock);
  EXPECT_EQ(release->lock_owner, kOwner);
  auto releasedir = Packet("releasedir").as<Releasedir>();
  ASSERT_TRUE(releasedir.ok());
  EXPECT_EQ(releasedir->handle, kHandle);
  auto flush = Packet("flush").as<Flush>();
  ASSERT_TRUE(flush.ok());
  EXPECT_EQ(flush->handle, kHandle);
  EXPECT_EQ(flush->lock_owner, kOwner);
  auto fsync = Packet("fsync").as<Fsync>();
  ASSERT_TRUE(fsync.ok());
  EXPECT_EQ(fsync->fsync_flags, fsync_flag::data_only);
  auto fsyncdir = Packet("fsyncdir").as<Fsyncdir>();
  ASSERT_TRUE(fsyncdir.ok());
  EXPECT_EQ(fsyncdir->handle, kHandle);
  EXPECT_EQ(fsyncdir->fsync_flags, 0u);
}

TEST(WireIo, Ranges) {
  auto fallocate = Packet("fallocate").as<Fallocate>();
  ASSERT_TRUE(fallocate.ok());
  EXPECT_EQ(fallocate->handle, kHandle);
  EXPECT_EQ(fallocate->offset, uint64_t{1} << 33);
  EXPECT_EQ(fallocate->length, uint64_t{1} << 34);
  EXPECT_EQ(fallocate->mode, 3u);
  auto lseek = Packet("lseek").as<Lseek>();
  ASSERT_TRUE(lseek.ok());
  EXPECT_EQ(lseek->offset, uint64_t{1} << 35);
  EXPECT_EQ(lseek->whence, 3u);
  for (const char* name : {"copy_file_range", "copy_file_range_64"}) {
    SCOPED_TRACE(name);
    auto copy = Packet(name).as<CopyFileRange>();
    ASSERT_TRUE(copy.ok());
    EXPECT_EQ(copy->handle_in, kHandle);
    EXPECT_EQ(copy->off_in, 1u);
    EXPECT_EQ(copy->node_out, kNode2);
    EXPECT_EQ(copy->handle_out, kHandle2);
    EXPECT_EQ(copy->off_out, 2u);
    EXPECT_EQ(copy->len, uint64_t{1} << 36);
    EXPECT_EQ(copy->flags, 4u);
  }
}

TEST(WireIo, IoctlAndPoll) {
  Packet packet("ioctl");
  auto ioctl = packet.as<Ioctl>();
  ASSERT_TRUE(ioctl.ok());
  EXPECT_EQ(ioctl->handle, kHandle);
  EXPECT_EQ(ioctl->flags, ioctl_flag::dir);
  EXPECT_EQ(ioctl->cmd, 0xc0045401u);
  EXPECT_EQ(ioctl->arg, 0x7ffe0000u);
  EXPECT_EQ(ioctl->out_size, 8u);
  EXPECT_EQ(text(ioctl->data), "\1\2\3\4");
  for (const char* name : {"poll", "poll_7.20"}) {
    Packet poll_packet(name);
    auto poll = poll_packet.as<Poll>();
    ASSERT_TRUE(poll.ok());
    EXPECT_EQ(poll->kernel_handle, 0x7172737475767778u);
    EXPECT_EQ(poll->flags, poll_flag::schedule_notify);
    EXPECT_EQ(poll->events, poll_packet.negotiated.minor < 21 ? 0u : 5u);
  }
}

TEST(WireIo, Mappings) {
  auto setup = Packet("setupmapping").as<SetupMapping>();
  ASSERT_TRUE(setup.ok());
  EXPECT_TRUE(setup->has_handle);
  EXPECT_EQ(setup->handle, kHandle);
  EXPECT_EQ(setup->file_offset, 1u);
  EXPECT_EQ(setup->len, 2u);
  EXPECT_EQ(setup->flags, setupmapping_flag::read | setupmapping_flag::write);
  EXPECT_EQ(setup->memory_offset, 4u);
  auto without = Packet("setupmapping_no_fh").as<SetupMapping>();
  ASSERT_TRUE(without.ok());
  EXPECT_FALSE(without->has_handle);
  Packet packet("removemapping");
  auto remove = packet.as<RemoveMapping>();
  ASSERT_TRUE(remove.ok());
  ASSERT_EQ(remove->size(), 2u);
  EXPECT_EQ((*remove)[1].memory_offset, 3u);
  EXPECT_EQ((*remove)[1].len, 4u);
}

}  // namespace
}  // namespace fuse3::wire::test
