// The bytes of every answer.
#include <gtest/gtest.h>
#include <linux/stat.h>
#include <sys/sysmacros.h>

#include <memory>

#include "world.h"

namespace fuse3::test {
namespace {

using namespace std::string_view_literals;
using wire::Opcode;

// A request whose answer is under test: any operation can give any.
Answer reply_with(const std::function<int(fuse_req_t)>& give, Opcode opcode = Opcode::readlink,
                  const Bytes& bytes = {}, uint32_t minor = wire::kMinor) {
  const auto run = [&](fuse_req_t req, auto...) { EXPECT_EQ(0, give(req)); };
  Handlers handlers;
  handlers.readlink = run;
  handlers.lookup = run;
  handlers.copy_file_range = run;
  handlers.ioctl = run;
  World world(handlers);
  world.init(minor, kEveryFlag & 0x3fffffff);
  return world.call(opcode, 1, bytes);
}

template <class Body>
void expect_body(const Body& expected, const Answer& answer) {
  EXPECT_EQ(0, answer.error);
  ASSERT_EQ(sizeof expected, answer.payload.size());
  const Body actual = answer.as<Body>();
  EXPECT_EQ(0, std::memcmp(&expected, &actual, sizeof expected));
}

struct stat attributes() {
  struct stat stat {};
  stat.st_ino = 1;
  stat.st_size = 2;
  stat.st_blocks = 3;
  stat.st_atim = {4, 5};
  stat.st_mtim = {6, 7};
  stat.st_ctim = {-8, 9};
  stat.st_mode = 0100644;
  stat.st_nlink = 10;
  stat.st_uid = 11;
  stat.st_gid = 12;
  stat.st_rdev = 13;
  stat.st_blksize = 14;
  return stat;
}

wire::Attr wire_attributes() {
  return {1, 2, 3, 4, 6, static_cast<uint64_t>(-8), 5, 7, 9, 0100644, 10, 11, 12, 13, 14, 0};
}

fuse_entry_param entry(fuse_ino_t ino = 21) {
  return {ino, 22, attributes(), 1.5, 2.25};
}

wire::EntryOut wire_entry() {
  return {21, 22, 2, 1, 250000000, 500000000, wire_attributes()};
}

TEST(SessionReplies, Errors) {
  for (const int error : {0, 1, EIO, ENOSYS, 511}) {
    const Answer answer = reply_with([&](fuse_req_t req) { return fuse_reply_err(req, error); });
    EXPECT_EQ(-error, answer.error);
    EXPECT_TRUE(answer.payload.empty());
  }
}

// The kernel would leave the request unanswered for ever.
TEST(SessionReplies, ErrorsThatAreNone) {
  LogCapture log;
  for (const int error : {-1, -EIO, 512, 524, 999, 1000, INT_MAX, INT_MIN}) {
    EXPECT_EQ(-ERANGE, reply_with([&](fuse_req_t req) { return fuse_reply_err(req, error); }).error)
        << error;
    EXPECT_TRUE(LogCapture::has(("with " + std::to_string(error) + ",").c_str())) << error;
  }
}

TEST(SessionReplies, Entry) {
  const fuse_entry_param given = entry();
  expect_body(wire_entry(),
              reply_with([&](fuse_req_t req) { return fuse_reply_entry(req, &given); }));
}

TEST(SessionReplies, ANegativeEntry) {
  fuse_entry_param none{};
  none.entry_timeout = 3;
  World world({.lookup = [&](fuse_req_t req, auto...) { fuse_reply_entry(req, &none); }});
  world.init();
  wire::EntryOut expected{};
  expected.entry_valid = 3;
  expect_body(expected, world.call(Opcode::lookup, 1, body("n")));
  EXPECT_TRUE(world.kernel.lookups().empty());
}

TEST(SessionReplies, CreateAndOpen) {
  const fuse_entry_param given = entry();
  fuse_file_info info{};
  info.fh = 77;
  info.direct_io = 1;
  info.keep_cache = 1;
  info.nonseekable = 1;
  info.cache_readdir = 1;
  info.noflush = 1;
  info.parallel_direct_writes = 1;
  const wire::OpenOut open{77, 1 | 2 | 4 | 8 | 32 | 64, 0};
  expect_body(open, reply_with([&](fuse_req_t req) { return fuse_reply_open(req, &info); }));
  expect_body(wire::CreateOut{wire_entry(), open},
              reply_with([&](fuse_req_t req) { return fuse_reply_create(req, &given, &info); }));
  fuse_file_info lower{};
  lower.backing_id = 5;
  expect_body(wire::OpenOut{0, 128, 5},
              reply_with([&](fuse_req_t req) { return fuse_reply_open(req, &lower); }));
}

TEST(SessionReplies, Attributes) {
  const struct stat stat = attributes();
  expect_body(wire::AttrOut{3, 750000000, 0, wire_attributes()},
              reply_with([&](fuse_req_t req) { return fuse_reply_attr(req, &stat, 3.75); }));
  expect_body(wire::AttrOut{0, 0, 0, wire_attributes()},
              reply_with([&](fuse_req_t req) { return fuse_reply_attr(req, &stat, -1); }));
}

TEST(SessionReplies, Statx) {
  struct statx given {};
  given.stx_mask = STATX_BASIC_STATS | STATX_BTIME;
  given.stx_blksize = 4096;
  given.stx_nlink = 2;
  given.stx_uid = 3;
  given.stx_gid = 4;
  given.stx_mode = 0100600;
  given.stx_ino = 5;
  given.stx_size = 6;
  given.stx_blocks = 7;
  given.stx_atime = {.tv_sec = 8, .tv_nsec = 9, .__reserved = 0};
  given.stx_btime = {.tv_sec = 10, .tv_nsec = 11, .__reserved = 0};
  given.stx_ctime = {.tv_sec = 12, .tv_nsec = 13, .__reserved = 0};
  given.stx_mtime = {.tv_sec = -14, .tv_nsec = 15, .__reserved = 0};
  given.stx_rdev_major = 16;
  given.stx_dev_minor = 17;
  wire::StatxOut expected{};
  expected.attr_valid = 1;
  expected.attr_valid_nsec = 500000000;
  expected.stat.mask = given.stx_mask;
  expected.stat.blksize = 4096;
  expected.stat.nlink = 2;
  expected.stat.uid = 3;
  expected.stat.gid = 4;
  expected.stat.mode = 0100600;
  expected.stat.ino = 5;
  expected.stat.size = 6;
  expected.stat.blocks = 7;
  expected.stat.atime = {8, 9, 0};
  expected.stat.btime = {10, 11, 0};
  expected.stat.ctime = {12, 13, 0};
  expected.stat.mtime = {-14, 15, 0};
  expected.stat.rdev_major = 16;
  expected.stat.dev_minor = 17;
  expect_body(expected,
              reply_with([&](fuse_req_t req) { return fuse_reply_statx(req, 0, &given, 1.5); }));
}

TEST(SessionReplies, Numbers) {
  expect_body(wire::WriteOut{4096, 0},
              reply_with([](fuse_req_t req) { return fuse_reply_write(req, 4096); }));
  expect_body(wire::GetxattrOut{99, 0},
              reply_with([](fuse_req_t req) { return fuse_reply_xattr(req, 99); }));
  expect_body(wire::BmapOut{uint64_t{1} << 40},
              reply_with([](fuse_req_t req) { return fuse_reply_bmap(req, uint64_t{1} << 40); }));
  expect_body(wire::PollOut{5, 0},
              reply_with([](fuse_req_t req) { return fuse_reply_poll(req, 5); }));
  expect_body(wire::LseekOut{uint64_t{1} << 50},
              reply_with([](fuse_req_t req) { return fuse_reply_lseek(req, int64_t{1} << 50); }));
}

TEST(SessionReplies, CopyFileRangeHasTwoFormats) {
  const auto give = [](fuse_req_t req) { return fuse_reply_write(req, 0x10000001); };
  const Bytes bytes = body(wire::CopyFileRangeIn{});
  expect_body(wire::WriteOut{0x10000001, 0}, reply_with(give, Opcode::copy_file_range, bytes));
  const auto more = [](fuse_req_t req) { return fuse_reply_write(req, 0x123456789); };
  expect_body(wire::CopyFileRangeOut{0x123456789},
              reply_with(more, Opcode::copy_file_range_64, bytes));
}

TEST(SessionReplies, Statfs) {
  struct statvfs given {};
  given.f_bsize = 1;
  given.f_frsize = 2;
  given.f_blocks = 3;
  given.f_bfree = 4;
  given.f_bavail = 5;
  given.f_files = 6;
  given.f_ffree = 7;
  given.f_namemax = 8;
  expect_body(wire::StatfsOut{3, 4, 5, 6, 7, 1, 8, 2, 0, {}},
              reply_with([&](fuse_req_t req) { return fuse_reply_statfs(req, &given); }));
}

TEST(SessionReplies, Lock) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_start = 100;
  lock.l_len = 50;
  lock.l_pid = 7;
  expect_body(wire::LkOut{{100, 149, F_RDLCK, 7}},
              reply_with([&](fuse_req_t req) { return fuse_reply_lock(req, &lock); }));
  lock.l_len = 0;
  expect_body(wire::LkOut{{100, INT64_MAX, F_RDLCK, 7}},
              reply_with([&](fuse_req_t req) { return fuse_reply_lock(req, &lock); }));
}

TEST(SessionReplies, Bytes) {
  EXPECT_EQ("target",
            reply_with([](fuse_req_t req) { return fuse_reply_readlink(req, "target"); }).text());
  EXPECT_EQ("ab", reply_with([](fuse_req_t req) { return fuse_reply_buf(req, "abc", 2); }).text());
  EXPECT_EQ("", reply_with([](fuse_req_t req) { return fuse_reply_buf(req, nullptr, 0); }).text());
}

TEST(SessionReplies, ManyPieces) {
  for (const size_t count : {0u, 1u, 2u, 15u, 16u, 17u, 100u, 1000u}) {
    std::string text(count, 'x');
    std::vector<iovec> pieces;
    for (char& letter : text) {
      letter = static_cast<char>('a' + pieces.size() % 26);
      pieces.push_back({&letter, 1});
      if (pieces.size() % 7 == 0) pieces.push_back({nullptr, 0});
    }
    pieces.resize(std::min<size_t>(pieces.size(), 1000));
    const Answer answer = reply_with([&](fuse_req_t req) {
      return fuse_reply_iov(req, pieces.data(), static_cast<int>(pieces.size()));
    });
    std::string expected;
    for (const iovec& piece : pieces)
      expected.append(static_cast<char*>(piece.iov_base), piece.iov_len);
    EXPECT_EQ(expected, answer.text());
  }
}

TEST(SessionReplies, Ioctl) {
  Answer answer = reply_with([](fuse_req_t req) { return fuse_reply_ioctl(req, -3, "data", 4); });
  EXPECT_EQ(-3, answer.as<wire::IoctlOut>().result);
  EXPECT_EQ(0u, answer.as<wire::IoctlOut>().flags);
  EXPECT_EQ("data", answer.text().substr(sizeof(wire::IoctlOut)));
  expect_body(wire::IoctlOut{4, 0, 0, 0},
              reply_with([](fuse_req_t req) { return fuse_reply_ioctl(req, 4, nullptr, 0); }));
  answer = reply_with([](fuse_req_t req) {
    const iovec pieces[] = {{const_cast<char*>("one"), 3}, {const_cast<char*>("two"), 3}};
    return fuse_reply_ioctl_iov(req, 0, pieces, 2);
  });
  EXPECT_EQ("onetwo", answer.text().substr(sizeof(wire::IoctlOut)));
}

TEST(SessionReplies, IoctlRetryNamesTheCallersMemory) {
  const auto at = [](uintptr_t address) { return reinterpret_cast<void*>(address); };
  const Answer answer = reply_with([&](fuse_req_t req) {
    const iovec in[] = {{at(0x1000), 10}, {at(0x2000), 20}};
    const iovec out[] = {{at(0x3000), 30}};
    return fuse_reply_ioctl_retry(req, in, 2, out, 1);
  });
  struct Expected {
    wire::IoctlOut head;
    wire::IoctlIovec regions[3];
  };
  expect_body(
      Expected{{0, wire::ioctl_flag::retry, 2, 1}, {{0x1000, 10}, {0x2000, 20}, {0x3000, 30}}},
      answer);
  expect_body(wire::IoctlOut{0, wire::ioctl_flag::retry, 0, 0}, reply_with([](fuse_req_t req) {
                return fuse_reply_ioctl_retry(req, nullptr, 0, nullptr, 0);
              }));
}

TEST(SessionReplies, IoctlRetryHasALimit) {
  const std::vector<iovec> many(wire::kIoctlMaxIov + 1);
  const auto answer_with = [&](size_t in, size_t out) {
    return reply_with([&](fuse_req_t req) {
      return fuse_reply_ioctl_retry(req, many.data(), in, many.data(), out);
    });
  };
  EXPECT_EQ(sizeof(wire::IoctlOut) + 256 * sizeof(wire::IoctlIovec),
            answer_with(200, 56).payload.size());
  EXPECT_EQ(-E2BIG, answer_with(200, 57).error);
  EXPECT_EQ(-E2BIG, answer_with(257, 0).error);
}

TEST(SessionReplies, TheKernelsRefusalIsReported) {
  LogCapture log;
  int result = 0;
  World world(
      {.readlink = [&](fuse_req_t req, auto...) { result = fuse_reply_readlink(req, "x"); }});
  world.init();
  for (const int error : {ENOENT, EIO, ENOMEM}) {
    world.kernel.fail_writes(error);
    world.kernel.submit(Opcode::readlink, 1);
    world.pump();
    EXPECT_EQ(-error, result);
  }
  EXPECT_TRUE(LogCapture::has("READLINK"));
}

TEST(SessionReplies, Userdata) {
  void* userdata = nullptr;
  World world({.readlink = [&](fuse_req_t req, auto...) {
    userdata = fuse_req_userdata(req);
    EXPECT_FALSE(fuse_req_is_uring(req));
    EXPECT_EQ(-EINVAL, fuse_req_get_payload(req, nullptr, nullptr, nullptr));
    fuse_reply_err(req, 0);
  }});
  world.init();
  world.call(Opcode::readlink, 1);
  EXPECT_EQ(&world, userdata);
}

TEST(SessionReplies, TheCallersGroups) {
  std::vector<gid_t> own(static_cast<size_t>(::getgroups(0, nullptr)));
  ASSERT_EQ(static_cast<int>(own.size()), ::getgroups(static_cast<int>(own.size()), own.data()));
  int all = -1;
  int none = -1;
  int nobody = 0;
  std::vector<gid_t> got(own.size() + 10, 12345);
  World world({.readlink = [&](fuse_req_t req, auto...) {
    if (fuse_req_ctx(req)->pid == ::getpid()) {
      all = fuse_req_getgroups(req, static_cast<int>(got.size()), got.data());
      none = fuse_req_getgroups(req, 0, nullptr);
    } else {
      nobody = fuse_req_getgroups(req, 10, got.data());
    }
    fuse_reply_err(req, 0);
  }});
  world.init();
  world.call(Opcode::readlink, 1, {}, {0, 0, static_cast<uint32_t>(::getpid())});
  EXPECT_EQ(static_cast<int>(own.size()), all);
  EXPECT_EQ(all, none);
  got.resize(own.size());
  EXPECT_EQ(std::multiset<gid_t>(own.begin(), own.end()),
            std::multiset<gid_t>(got.begin(), got.end()));
  world.call(Opcode::readlink, 1, {}, {0, 0, 0x7ffffff0});
  EXPECT_EQ(-ESRCH, nobody);
}

}  // namespace
}  // namespace fuse3::test
