// Directories that are read as a whole: where reading goes on.
#include "highlevel/listing.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fuse3 {
namespace {

std::string name_of(int i) {
  return "file" + std::to_string(i);
}

Listing of(const std::set<int>& files, bool by_name, bool backwards = false) {
  Listing listing;
  if (!backwards) {
    listing.add(".", nullptr, false);
    listing.add("..", nullptr, false);
  }
  for (auto it = files.begin(); it != files.end(); ++it) listing.add(name_of(*it), nullptr, false);
  if (backwards) {
    listing.add("..", nullptr, false);
    listing.add(".", nullptr, false);
  }
  listing.finish(by_name);
  return listing;
}

TEST(Listing, KeepsTheFilesystemsOrder) {
  const Listing listing = of({3, 1, 2}, false);
  ASSERT_EQ(listing.size(), 5u);
  EXPECT_EQ(listing.name(listing[0]), ".");
  EXPECT_EQ(listing.name(listing[2]), "file1");
  EXPECT_EQ(listing.after(0), 0u);
  EXPECT_EQ(listing.after(listing[2].cookie), 3u);
  EXPECT_EQ(listing.after(listing[4].cookie), 5u);
}

TEST(Listing, KeepsWhatIsKnownOfAnEntry) {
  struct stat attributes {};
  attributes.st_ino = 7;
  attributes.st_mode = S_IFREG | 0644;
  attributes.st_size = 99;
  Listing listing;
  listing.add("some", &attributes, false);
  listing.add("all", &attributes, true);
  listing.finish(false);
  EXPECT_EQ(listing[0].ino, 7u);
  EXPECT_EQ(listing[0].type, static_cast<uint32_t>(S_IFREG));
  EXPECT_EQ(listing.attributes(listing[0]), nullptr);
  ASSERT_NE(listing.attributes(listing[1]), nullptr);
  EXPECT_EQ(listing.attributes(listing[1])->st_size, 99);
}

TEST(Listing, ByNameTheOrderTheFilesystemGaveDoesNotMatter) {
  const std::set<int> files{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Listing one = of(files, true);
  const Listing other = of(files, true, true);
  ASSERT_EQ(one.size(), other.size());
  EXPECT_EQ(one.name(one[0]), ".");
  EXPECT_EQ(one.name(one[1]), "..");
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one.name(one[i]), other.name(other[i]));
    EXPECT_EQ(one[i].cookie, other[i].cookie);
    EXPECT_LE(one[i].cookie, static_cast<uint64_t>(INT64_MAX));
  }
}

// rm -r: some are read, those are removed, the server dies, and another one reads on.
TEST(Listing, ByNameNothingIsLostOrDoubledWhenNamesGo) {
  std::set<int> files;
  for (int i = 0; i < 500; ++i) files.insert(i);
  std::multiset<std::string> seen;
  uint64_t cookie = 0;
  for (int round = 0; round < 1000; ++round) {
    const Listing listing = of(files, true);
    size_t i = listing.after(cookie);
    if (i == listing.size()) break;
    for (size_t end = std::min(i + 40, listing.size()); i < end; ++i) {
      const std::string name(listing.name(listing[i]));
      cookie = listing[i].cookie;
      if (name[0] == '.') continue;
      seen.insert(name);
      files.erase(std::stoi(name.substr(4)));
    }
  }
  EXPECT_TRUE(files.empty());
  EXPECT_EQ(seen.size(), 500u);
}

}  // namespace
}  // namespace fuse3
