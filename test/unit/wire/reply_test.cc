#define FUSE_USE_VERSION 318
#include "wire/reply.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/stat.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "fuse_lowlevel.h"
#include "golden.h"
#include "sample.h"

namespace fuse3::wire::test {
namespace {

template <class Out>
void expect_golden(const char* name, const Out& out, size_t size = sizeof(Out)) {
  std::vector<std::byte> expected = golden_reply(name);
  ASSERT_EQ(size, expected.size()) << name;
  EXPECT_EQ(std::memcmp(&out, expected.data(), size), 0) << name;
}

TEST(WireReply, Header) {
  expect_golden("header_ok", make_header(kUnique, 0, sizeof(EntryOut)));
  expect_golden("header_error", make_header(kUnique, -ENOENT, 0));
}

TEST(WireReply, EntryAndAttr) {
  expect_golden("entry", make_entry(sample_entry(42)));
  expect_golden("attr", make_attr_out(sample_stat(42), 2.25));
}

TEST(WireReply, Timeouts) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  struct Case {
    double given;
    uint64_t seconds;
    uint32_t nanoseconds;
  };
  const Case cases[] = {{0, 0, 0},
                        {-1, 0, 0},
                        {-0.5, 0, 0},
                        {NAN, 0, 0},
                        {0.5, 0, 500000000},
                        {1, 1, 0},
                        {86400.25, 86400, 250000000},
                        {1e18, 1000000000000000000, 0},
                        {1e19, 10000000000000000000u, 0},
                        {1e20, kMax, 999999999},
                        {INFINITY, kMax, 999999999},
                        {-INFINITY, 0, 0}};
  for (const Case& one : cases) {
    Timeout timeout = split_timeout(one.given);
    EXPECT_EQ(timeout.seconds, one.seconds) << one.given;
    EXPECT_EQ(timeout.nanoseconds, one.nanoseconds) << one.given;
  }
  EXPECT_LT(split_timeout(std::nextafter(1.0, 0.0)).nanoseconds, 1000000000u);
}

TEST(WireReply, SizesByVersion) {
  EXPECT_EQ(entry_out_size(8), 120u);
  EXPECT_EQ(entry_out_size(9), 128u);
  EXPECT_EQ(attr_out_size(8), 96u);
  EXPECT_EQ(attr_out_size(9), 104u);
  EXPECT_EQ(create_out_size(8), 136u);
  EXPECT_EQ(create_out_size(45), 144u);
  EXPECT_EQ(statfs_out_size(3), 48u);
  EXPECT_EQ(statfs_out_size(4), 80u);
  EXPECT_EQ(init_out_size(4), 8u);
  EXPECT_EQ(init_out_size(5), 24u);
  EXPECT_EQ(init_out_size(22), 24u);
  EXPECT_EQ(init_out_size(23), 64u);
  EXPECT_EQ(init_out_size(45), 64u);
}

TEST(WireReply, Open) {
  fuse_file_info info{};
  info.fh = kHandle.value;
  info.direct_io = 1;
  info.keep_cache = 1;
  info.nonseekable = 1;
  info.cache_readdir = 1;
  info.noflush = 1;
  info.parallel_direct_writes = 1;
  expect_golden("open", make_open(info));
  fuse_file_info passthrough{};
  passthrough.fh = kHandle.value;
  passthrough.backing_id = 12;
  expect_golden("open_passthrough", make_open(passthrough));
  passthrough.backing_id = -1;
  EXPECT_EQ(make_open(passthrough).open_flags, 0u);
  EXPECT_EQ(make_open(passthrough).backing_id, 0);
}

TEST(WireReply, EachOpenFlagAlone) {
  auto flags_of = [](auto&& set) {
    fuse_file_info info{};
    set(info);
    return make_open(info).open_flags;
  };
  EXPECT_EQ(flags_of([](auto& i) { i.direct_io = 1; }), 1u);
  EXPECT_EQ(flags_of([](auto& i) { i.keep_cache = 1; }), 2u);
  EXPECT_EQ(flags_of([](auto& i) { i.nonseekable = 1; }), 4u);
  EXPECT_EQ(flags_of([](auto& i) { i.cache_readdir = 1; }), 8u);
  EXPECT_EQ(flags_of([](auto& i) { i.noflush = 1; }), 0x20u);
  EXPECT_EQ(flags_of([](auto& i) { i.parallel_direct_writes = 1; }), 0x40u);
}

TEST(WireReply, Statfs) {
  struct statvfs stat {};
  stat.f_blocks = 1;
  stat.f_bfree = 2;
  stat.f_bavail = 3;
  stat.f_files = 4;
  stat.f_ffree = 5;
  stat.f_bsize = 4096;
  stat.f_frsize = 512;
  stat.f_namemax = 255;
  expect_golden("statfs", make_statfs(stat));
}

TEST(WireReply, Statx) {
  struct statx stat {};
  stat.stx_mask = 0xfff;
  stat.stx_blksize = 4096;
  stat.stx_attributes = 0x10;
  stat.stx_nlink = 2;
  stat.stx_uid = 501;
  stat.stx_gid = 502;
  stat.stx_mode = S_IFREG | 0644;
  stat.stx_ino = 42;
  stat.stx_size = 1000;
  stat.stx_blocks = 8;
  stat.stx_attributes_mask = 0x30;
  stat.stx_atime.tv_sec = 100;
  stat.stx_atime.tv_nsec = 200;
  stat.stx_btime.tv_sec = 101;
  stat.stx_btime.tv_nsec = 201;
  stat.stx_ctime.tv_sec = 102;
  stat.stx_ctime.tv_nsec = 202;
  stat.stx_mtime.tv_sec = 103;
  stat.stx_mtime.tv_nsec = 203;
  stat.stx_rdev_major = 8;
  stat.stx_rdev_minor = 5;
  stat.stx_dev_major = 9;
  stat.stx_dev_minor = 6;
  expect_golden("statx", make_statx(stat, 2.25, attr_flag::submount));
}

TEST(WireReply, Lock) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_start = 100;
  lock.l_len = 100;
  lock.l_pid = 4242;
  expect_golden("lock", make_lock(lock));
  lock.l_type = F_RDLCK;
  lock.l_len = 0;
  lock.l_pid = 1;
  expect_golden("lock_to_end", make_lock(lock));
  lock.l_len = std::numeric_limits<off_t>::max();
  expect_golden("lock_to_end", make_lock(lock));
}

TEST(WireReply, SmallOnes) {
  expect_golden("write", make_write(4096));
  expect_golden("copy_file_range", make_copy_file_range(uint64_t{1} << 40));
  expect_golden("xattr_size", make_xattr_size(77));
  expect_golden("bmap", make_bmap(99));
  expect_golden("lseek", make_lseek(uint64_t{1} << 41));
  expect_golden("poll", make_poll(5));
  expect_golden("ioctl", make_ioctl(-7));
  expect_golden("ioctl_retry", make_ioctl_retry(1, 2));
}

TEST(WireReply, CreateByVersion) {
  fuse_file_info info{};
  info.fh = kHandle.value;
  info.keep_cache = 1;
  EntryOut entry = make_entry(sample_entry(42));
  for (uint32_t minor : {8u, 45u}) {
    std::vector<std::byte> expected = golden_reply(minor < 9 ? "create_7.8" : "create");
    std::vector<std::byte> buffer(expected.size());
    EXPECT_EQ(put_create(buffer, entry, make_open(info), minor), expected.size());
    EXPECT_EQ(buffer, expected);
    std::vector<std::byte> small(expected.size() - 1, std::byte{0x77});
    EXPECT_EQ(put_create(small, entry, make_open(info), minor), 0u);
    EXPECT_EQ(small, std::vector<std::byte>(small.size(), std::byte{0x77}));
  }
}

std::vector<std::byte> whole_reply(const char* name) {
  std::vector<std::byte> payload = golden_reply(name);
  OutHeader header = make_header(kUnique, 0, payload.size());
  std::vector<std::byte> reply(sizeof(header));
  std::memcpy(reply.data(), &header, sizeof(header));
  reply.insert(reply.end(), payload.begin(), payload.end());
  return reply;
}

TEST(WireReplyView, EntryAndOpen) {
  for (Opcode opcode : {Opcode::create, Opcode::tmpfile}) {
    for (uint32_t minor : {8u, 45u}) {
      std::vector<std::byte> reply = whole_reply(minor < 9 ? "create_7.8" : "create");
      auto entry = reply_entry(opcode, reply, minor);
      auto open = reply_open(opcode, reply, minor);
      ASSERT_TRUE(entry.ok() && open.ok());
      EXPECT_EQ(entry->nodeid, 42u);
      EXPECT_EQ(entry->attr.gid, 502u);
      EXPECT_EQ(open->fh, kHandle.value);
      entry->nodeid = 4711;
      open->fh = 815;
      ASSERT_TRUE(set_reply_entry(opcode, reply, minor, *entry).ok());
      ASSERT_TRUE(set_reply_open(opcode, reply, minor, *open).ok());
      EXPECT_EQ(reply_entry(opcode, reply, minor)->nodeid, 4711u);
      EXPECT_EQ(reply_entry(opcode, reply, minor)->generation, 6u);
      EXPECT_EQ(reply_open(opcode, reply, minor)->fh, 815u);
      EXPECT_EQ(reply_open(opcode, reply, minor)->open_flags, open_reply::keep_cache);
    }
  }
  std::vector<std::byte> open = whole_reply("open");
  EXPECT_EQ(reply_open(Opcode::opendir, open, 45)->fh, kHandle.value);
  EXPECT_EQ(reply_entry(Opcode::open, open, 45).error(), ENODATA);
  EXPECT_EQ(reply_open(Opcode::lookup, whole_reply("entry"), 45).error(), ENODATA);
}

TEST(WireReplyView, WhichOpcodesGrantEntries) {
  std::vector<std::byte> reply = whole_reply("create");
  for (uint32_t number = 0; number <= kLastOpcode; ++number) {
    auto opcode = static_cast<Opcode>(number);
    bool expected = number == 1 || number == 6 || number == 8 || number == 9 || number == 13 ||
                    number == 35 || number == 51;
    EXPECT_EQ(reply_entry(opcode, reply, 45).ok(), expected) << opcode_name(opcode);
    bool opens = number == 14 || number == 27 || number == 35 || number == 51;
    EXPECT_EQ(reply_open(opcode, reply, 45).ok(), opens) << opcode_name(opcode);
  }
}

TEST(WireReplyView, CutAndErrors) {
  std::vector<std::byte> whole = whole_reply("create");
  for (size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(reply_header(cut).error(), EPROTO);
    EXPECT_EQ(reply_entry(Opcode::create, cut, 45).error(), EPROTO);
    EXPECT_EQ(reply_payload(cut).error(), EPROTO);
    if (size < sizeof(OutHeader)) continue;
    auto len = static_cast<uint32_t>(size);
    std::memcpy(cut.data(), &len, sizeof(len));
    EXPECT_EQ(reply_entry(Opcode::create, cut, 45).ok(), size >= 16 + 128);
    EXPECT_EQ(reply_open(Opcode::create, cut, 45).error(), EPROTO);
  }
  std::vector<std::byte> failed = golden_reply("header_error");
  EXPECT_EQ(reply_header(failed)->error, -ENOENT);
  EXPECT_EQ(reply_entry(Opcode::lookup, failed, 45).error(), ENODATA);
  EXPECT_EQ(reply_payload(failed).error(), ENODATA);
}

}  // namespace
}  // namespace fuse3::wire::test
