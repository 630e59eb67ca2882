#define FUSE_USE_VERSION 318
#include "wire/dirent.h"

#include <gtest/gtest.h>

#include <cstring>

#include "fuse_lowlevel.h"
#include "golden.h"
#include "sample.h"

namespace fuse3::wire::test {
namespace {

constexpr std::byte kNoise{0x5a};

TEST(WireDirent, Sizes) {
  EXPECT_EQ(dirent_size(0), 24u);
  EXPECT_EQ(dirent_size(1), 32u);
  EXPECT_EQ(dirent_size(8), 32u);
  EXPECT_EQ(dirent_size(9), 40u);
  EXPECT_EQ(direntplus_size(8), 160u);
  EXPECT_EQ(direntplus_size(255), 408u);
}

TEST(WireDirent, Append) {
  std::vector<std::byte> expected = golden_reply("dirent");
  struct stat stat = sample_stat(42);
  std::vector<std::byte> buffer(expected.size() + 8, kNoise);
  EXPECT_EQ(append_dirent(buffer, "hello", &stat, 3), expected.size());
  EXPECT_EQ(std::memcmp(buffer.data(), expected.data(), expected.size()), 0);
  for (size_t i = expected.size(); i < buffer.size(); ++i) EXPECT_EQ(buffer[i], kNoise);
}

TEST(WireDirent, AppendPlus) {
  std::vector<std::byte> expected = golden_reply("direntplus");
  std::vector<std::byte> buffer(expected.size(), kNoise);
  EXPECT_EQ(append_direntplus(buffer, "hello", sample_entry(42), 3), expected.size());
  EXPECT_EQ(buffer, expected);
}

TEST(WireDirent, NothingIsWrittenWithoutRoom) {
  struct stat stat = sample_stat(42);
  for (size_t size = 0; size < dirent_size(5); ++size) {
    std::vector<std::byte> buffer(size, kNoise);
    EXPECT_EQ(append_dirent(buffer, "hello", &stat, 3), dirent_size(5));
    EXPECT_EQ(buffer, std::vector<std::byte>(size, kNoise));
  }
  for (size_t size = 0; size < direntplus_size(5); ++size) {
    std::vector<std::byte> buffer(size, kNoise);
    EXPECT_EQ(append_direntplus(buffer, "hello", sample_entry(42), 3), direntplus_size(5));
    EXPECT_EQ(buffer, std::vector<std::byte>(size, kNoise));
  }
  EXPECT_EQ(append_dirent({}, "hello", &stat, 3), dirent_size(5));
}

TEST(WireDirent, FileTypes) {
  for (mode_t type : {S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK}) {
    struct stat stat = sample_stat(1);
    stat.st_mode = static_cast<mode_t>(type) | 07777;
    std::byte buffer[32];
    append_dirent(buffer, "x", &stat, 0);
    Dirent dirent;
    std::memcpy(&dirent, buffer, sizeof(dirent));
    EXPECT_EQ(dirent.type, type >> 12);
  }
}

TEST(WireDirent, Walk) {
  std::vector<std::byte> reply = golden_reply("readdirplus");
  std::vector<std::string> names;
  size_t total = 0;
  DirentplusWalker walker(reply);
  for (; walker.valid(); walker.next()) {
    names.emplace_back(walker.name());
    EXPECT_EQ(walker.position(), total);
    total += walker.size();
    EntryOut entry = walker.entry();
    EXPECT_EQ(entry.nodeid, walker.dirent().ino);
    entry.nodeid += 1000;
    walker.set_entry(entry);
  }
  EXPECT_FALSE(walker.malformed());
  EXPECT_EQ(total, reply.size());
  EXPECT_EQ(names, (std::vector<std::string>{"hello", "eightlng"}));
  DirentplusWalker again(reply);
  EXPECT_EQ(again.entry().nodeid, 1042u);
  again.next();
  EXPECT_EQ(again.entry().nodeid, 1043u);
  EXPECT_EQ(again.entry().generation, 6u);
  EXPECT_EQ(again.name(), "eightlng");
}

TEST(WireDirent, WalkOfPlainEntries) {
  struct stat stat {};
  std::byte buffer[200];
  size_t used = 0;
  for (const char* name : {"one", "and another", "eightlng"}) {
    stat.st_ino += 7;
    used += append_dirent(std::span<std::byte>(buffer).subspan(used), name, &stat,
                          static_cast<off_t>(stat.st_ino + 1));
  }
  const std::span<std::byte> whole(buffer, used);
  std::vector<std::string> names;
  for (DirentWalker walker(whole); walker.valid(); walker.next()) {
    names.emplace_back(walker.name());
    EXPECT_EQ(walker.dirent().off, walker.dirent().ino + 1);
    walker.set_offset(walker.dirent().off + 100);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"one", "and another", "eightlng"}));
  EXPECT_EQ(DirentWalker(whole).dirent().off, 108u);
  // An entry that is cut off, and a length that lies.
  DirentWalker cut(whole.first(used - 8));
  size_t entries = 0;
  for (; cut.valid(); cut.next()) ++entries;
  EXPECT_EQ(entries, 2u);
  const uint32_t namelen = 0xffffffff;
  std::memcpy(buffer + offsetof(Dirent, namelen), &namelen, sizeof namelen);
  EXPECT_FALSE(DirentWalker(whole).valid());
}

TEST(WireDirent, WalkOfCutReplies) {
  std::vector<std::byte> whole = golden_reply("readdirplus");
  size_t first = direntplus_size(5);
  for (size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    DirentplusWalker walker(cut);
    size_t entries = 0;
    for (; walker.valid(); walker.next()) ++entries;
    EXPECT_EQ(entries, size < first ? 0u : 1u) << size;
    EXPECT_EQ(walker.malformed(), size != 0 && size != first) << size;
  }
}

TEST(WireDirent, WalkWithNameLengthThatLies) {
  for (uint32_t namelen : {64u, 0x7fffffffu, 0xffffffffu}) {
    std::vector<std::byte> reply = golden_reply("direntplus");
    std::memcpy(reply.data() + sizeof(EntryOut) + offsetof(Dirent, namelen), &namelen,
                sizeof(namelen));
    DirentplusWalker walker(reply);
    EXPECT_FALSE(walker.valid());
    EXPECT_TRUE(walker.malformed());
  }
}

}  // namespace
}  // namespace fuse3::wire::test
