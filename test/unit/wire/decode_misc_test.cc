// Attributes, locks, the connection, and requests without a reply.
#include <gtest/gtest.h>

#include "golden.h"

namespace fuse3::wire::test {
namespace {

TEST(WireAttributes, Getattr) {
  auto plain = Packet("getattr").as<Getattr>();
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->has_handle);
  auto open = Packet("getattr_fh").as<Getattr>();
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->has_handle);
  EXPECT_EQ(open->handle, kHandle);
  auto old = Packet("getattr_7.8").as<Getattr>();
  ASSERT_TRUE(old.ok());
  EXPECT_FALSE(old->has_handle);
}

TEST(WireAttributes, Statx) {
  auto open = Packet("statx").as<Statx>();
  ASSERT_TRUE(open.ok());
  EXPECT_TRUE(open->has_handle);
  EXPECT_EQ(open->handle, kHandle);
  EXPECT_EQ(open->flags, 0x2000u);
  EXPECT_EQ(open->mask, 0xfffu);
  auto plain = Packet("statx_no_fh").as<Statx>();
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->has_handle);
  EXPECT_EQ(plain->mask, 0x7ffu);
}

TEST(WireAttributes, Setattr) {
  for (const char* name : {"setattr", "setattr_7.22"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Setattr>();
    ASSERT_TRUE(args.ok());
    bool old = packet.negotiated.minor < 23;
    EXPECT_EQ(args->valid, old ? 0x3ffu : 0x7ffu);
    EXPECT_TRUE(args->has_handle);
    EXPECT_EQ(args->handle, kHandle);
    EXPECT_EQ(args->size, 0x6162636465666768u);
    EXPECT_TRUE(args->has_lock_owner);
    EXPECT_EQ(args->lock_owner, kOwner);
    EXPECT_EQ(args->atime.seconds, 11u);
    EXPECT_EQ(args->atime.nanoseconds, 21u);
    EXPECT_EQ(args->mtime.seconds, 12u);
    EXPECT_EQ(args->mtime.nanoseconds, 22u);
    EXPECT_EQ(args->ctime.seconds, old ? 0u : 13u);
    EXPECT_EQ(args->ctime.nanoseconds, old ? 0u : 23u);
    EXPECT_EQ(args->mode, 0100640u);
    EXPECT_EQ(args->uid, 31u);
    EXPECT_EQ(args->gid, 32u);
  }
  auto mode = Packet("setattr_mode").as<Setattr>();
  ASSERT_TRUE(mode.ok());
  EXPECT_EQ(mode->valid, fattr::mode);
  EXPECT_FALSE(mode->has_handle);
  EXPECT_FALSE(mode->has_lock_owner);
}

TEST(WireAttributes, AccessAndBmap) {
  auto access = Packet("access").as<Access>();
  ASSERT_TRUE(access.ok());
  EXPECT_EQ(access->mask, 6u);
  auto bmap = Packet("bmap").as<Bmap>();
  ASSERT_TRUE(bmap.ok());
  EXPECT_EQ(bmap->block, 17u);
  EXPECT_EQ(bmap->blocksize, 4096u);
}

template <class Args>
void check_lock(const char* name) {
  SCOPED_TRACE(name);
  auto args = Packet(name).as<Args>();
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->handle, kHandle);
  EXPECT_EQ(args->owner, kOwner);
  EXPECT_EQ(args->start, 100u);
  EXPECT_EQ(args->end, 199u);
  EXPECT_EQ(args->type, 1u);
  EXPECT_EQ(args->pid, 4242u);
  EXPECT_EQ(args->lk_flags, lock_flag::flock);
}

TEST(WireAttributes, Locks) {
  check_lock<Getlk>("getlk");
  check_lock<Setlk>("setlk");
  check_lock<Setlkw>("setlkw");
  EXPECT_EQ(Packet("setlk").as<Setlkw>().error(), EPROTO);
}

TEST(WireConnection, Init) {
  auto init = Packet("init").as<Init>();
  ASSERT_TRUE(init.ok());
  EXPECT_EQ(init->major, 7u);
  EXPECT_EQ(init->minor, 45u);
  EXPECT_EQ(init->max_readahead, 131072u);
  EXPECT_EQ(init->flags, 0x000007ff7fffffffu);
  auto old = Packet("init_7.31").as<Init>();
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->minor, 31u);
  EXPECT_EQ(old->flags, 0x3fffffffu);
  auto other = Packet("init_8").as<Init>();
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->major, 8u);
  auto cuse = Packet("cuse_init").as<CuseInit>();
  ASSERT_TRUE(cuse.ok());
  EXPECT_EQ(cuse->minor, 45u);
  EXPECT_EQ(cuse->flags, cuse_flag::unrestricted_ioctl);
}

TEST(WireConnection, WithoutArguments) {
  EXPECT_TRUE(Packet("destroy").as<Destroy>().ok());
  EXPECT_TRUE(Packet("statfs").as<Statfs>().ok());
  EXPECT_TRUE(Packet("syncfs").as<Syncfs>().ok());
}

TEST(WireConnection, WithoutReply) {
  auto interrupt = Packet("interrupt").as<Interrupt>();
  ASSERT_TRUE(interrupt.ok());
  EXPECT_EQ(interrupt->target.value, kUnique.value - 1);
  auto forget = Packet("forget").as<Forget>();
  ASSERT_TRUE(forget.ok());
  EXPECT_EQ(forget->nlookup, 9u);
  Packet batch_packet("batch_forget");
  auto batch = batch_packet.as<BatchForget>();
  ASSERT_TRUE(batch.ok());
  ASSERT_EQ(batch->size(), 3u);
  EXPECT_EQ((*batch)[0].node, kNode);
  EXPECT_EQ((*batch)[0].nlookup, 1u);
  EXPECT_EQ((*batch)[2].node, NodeId{77});
  EXPECT_EQ((*batch)[2].nlookup, 3u);
  Packet reply_packet("notify_reply");
  auto reply = reply_packet.as<NotifyReply>();
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->offset, 65536u);
  EXPECT_EQ(reply->size, 6u);
  EXPECT_EQ(text(reply->data), "cached");
}

TEST(WireOpcode, Names) {
  EXPECT_STREQ(opcode_name(Opcode::lookup), "LOOKUP");
  EXPECT_STREQ(opcode_name(Opcode::fsync), "FSYNC");
  EXPECT_STREQ(opcode_name(Opcode::access), "ACCESS");
  EXPECT_STREQ(opcode_name(Opcode::lseek), "LSEEK");
  EXPECT_STREQ(opcode_name(Opcode::copy_file_range_64), "COPY_FILE_RANGE_64");
  EXPECT_STREQ(opcode_name(Opcode::cuse_init), "CUSE_INIT");
  for (uint32_t number : {0u, 7u, 19u, 54u, 4095u, 0xffffffffu}) {
    EXPECT_STREQ(opcode_name(static_cast<Opcode>(number)), "UNKNOWN");
  }
}

}  // namespace
}  // namespace fuse3::wire::test
