#include <gtest/gtest.h>

#include <cstring>

#include "golden.h"

namespace fuse3::wire::test {
namespace {

TEST(WireNames, Lookup) {
  Packet packet("lookup");
  auto args = packet.as<Lookup>();
  ASSERT_TRUE(args.ok());
  EXPECT_STREQ(args->name, "file.txt");
  EXPECT_EQ(static_cast<const void*>(args->name), packet.bytes.data() + sizeof(InHeader));
  EXPECT_EQ(packet.message.node(), kNode);
  EXPECT_EQ(packet.message.unique(), kUnique);
}

TEST(WireNames, LookupOfParent) {
  auto args = Packet("lookup_dotdot").as<Lookup>();
  ASSERT_TRUE(args.ok());
}

TEST(WireNames, LinksAndDirectories) {
  Packet symlink("symlink");
  auto link = symlink.as<Symlink>();
  ASSERT_TRUE(link.ok());
  EXPECT_STREQ(link->name, "link");
  EXPECT_STREQ(link->target, "../some/where");
  EXPECT_TRUE(Packet("readlink").as<Readlink>().ok());
  Packet unlink("unlink");
  ASSERT_TRUE(unlink.as<Unlink>().ok());
  EXPECT_STREQ(unlink.as<Unlink>()->name, "gone");
  Packet rmdir("rmdir");
  ASSERT_TRUE(rmdir.as<Rmdir>().ok());
  EXPECT_STREQ(rmdir.as<Rmdir>()->name, "gonedir");
}

TEST(WireNames, HardLink) {
  Packet packet("link");
  auto args = packet.as<Link>();
  ASSERT_TRUE(args.ok());
  EXPECT_EQ(args->old_node, kNode2);
  EXPECT_STREQ(args->name, "second");
}

TEST(WireNames, MknodByVersion) {
  for (const char* name : {"mknod", "mknod_7.12", "mknod_7.11"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Mknod>();
    ASSERT_TRUE(args.ok());
    EXPECT_STREQ(args->name, "null");
    EXPECT_EQ(args->mode, 020644u);
    EXPECT_EQ(args->rdev, 0x0103u);
    EXPECT_EQ(args->umask, packet.negotiated.minor < 12 ? 0u : 022u);
  }
}

TEST(WireNames, MkdirByVersion) {
  for (const char* name : {"mkdir", "mkdir_7.11"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Mkdir>();
    ASSERT_TRUE(args.ok());
    EXPECT_STREQ(args->name, "dir");
    EXPECT_EQ(args->mode, 040755u);
    EXPECT_EQ(args->umask, packet.negotiated.minor < 12 ? 0u : 027u);
  }
}

TEST(WireNames, CreateByVersion) {
  for (const char* name :
       {"create", "create_7.12", "create_7.11", "create_uncounted", "create_extended"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Create>();
    ASSERT_TRUE(args.ok());
    bool old = packet.negotiated.minor < 12;
    EXPECT_STREQ(args->name, "new");
    EXPECT_EQ(args->flags, 0x8242u);
    EXPECT_EQ(args->mode, 0100664u);
    EXPECT_EQ(args->umask, old ? 0u : 02u);
    EXPECT_EQ(args->open_flags, old ? 0u : open_request::kill_suidgid);
  }
}

TEST(WireNames, TmpfileHasTheKernelsNoName) {
  Packet packet("tmpfile");
  auto args = packet.as<Tmpfile>();
  ASSERT_TRUE(args.ok());
  EXPECT_STREQ(args->name, "/");
  EXPECT_EQ(args->mode, 0100664u);
  EXPECT_EQ(args->umask, 02u);
}

TEST(WireNames, RenameWithAndWithoutFlags) {
  for (const char* name : {"rename", "rename2"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Rename>();
    ASSERT_TRUE(args.ok());
    EXPECT_EQ(args->new_parent, kNode2);
    EXPECT_STREQ(args->name, "from");
    EXPECT_STREQ(args->new_name, "to");
    EXPECT_EQ(args->flags, packet.message.opcode() == Opcode::rename2 ? 2u : 0u);
  }
}

TEST(WireNames, Extensions) {
  Packet packet("mkdir_extended");
  ExtensionWalker walker(packet.message.extension());
  auto first = walker.next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->type, 1u);
  EXPECT_EQ(first->body.size(), 40u);
  auto second = walker.next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->type, extension_type::supplementary_groups);
  uint32_t group = 0;
  std::memcpy(&group, second->body.data() + sizeof(SuppGroups), sizeof(group));
  EXPECT_EQ(group, 77u);
  EXPECT_FALSE(walker.next().has_value());
}

// The golden packet with the byte at `at` behind the header replaced.
int error_with(const char* name, size_t at, char replacement) {
  std::vector<std::byte> bytes = golden_request(name).bytes();
  bytes[sizeof(InHeader) + at] = static_cast<std::byte>(replacement);
  Negotiated negotiated = golden_request(name).negotiated();
  Message message = *Message::parse(bytes);
  if (message.opcode() == Opcode::lookup) return decode<Lookup>(message, negotiated).error();
  if (message.opcode() == Opcode::rename2) return decode<Rename>(message, negotiated).error();
  return decode<Removexattr>(message, negotiated).error();
}

TEST(WireNames, NamesThatCannotBe) {
  EXPECT_EQ(error_with("lookup", 0, '\0'), EINVAL);
  EXPECT_EQ(error_with("lookup", 3, '/'), EINVAL);
  EXPECT_EQ(error_with("lookup", 8, 'x'), EINVAL);  // its NUL
  EXPECT_EQ(error_with("rename2", 16, '\0'), EINVAL);
  EXPECT_EQ(error_with("rename2", 22, '/'), EINVAL);
  EXPECT_EQ(error_with("rename2", 23, 'x'), EINVAL);
  EXPECT_EQ(error_with("removexattr", 0, '\0'), EINVAL);
  EXPECT_EQ(error_with("removexattr", 1, '/'), 0);
}

TEST(WireNames, ExtendedAttributes) {
  for (const char* name : {"setxattr", "setxattr_ext"}) {
    SCOPED_TRACE(name);
    Packet packet(name);
    auto args = packet.as<Setxattr>();
    ASSERT_TRUE(args.ok());
    EXPECT_STREQ(args->name, "user.a/b");
    EXPECT_EQ(text(args->value), "value");
    bool extended = packet.negotiated.flags != 0;
    EXPECT_EQ(args->flags, extended ? 2u : 1u);
    EXPECT_EQ(args->setxattr_flags, extended ? setxattr_flag::acl_kill_sgid : 0u);
  }
  Packet empty("setxattr_empty");
  ASSERT_TRUE(empty.as<Setxattr>().ok());
  EXPECT_TRUE(empty.as<Setxattr>()->value.empty());
  Packet get("getxattr");
  ASSERT_TRUE(get.as<Getxattr>().ok());
  EXPECT_STREQ(get.as<Getxattr>()->name, "user.key");
  EXPECT_EQ(get.as<Getxattr>()->size, 256u);
  ASSERT_TRUE(Packet("listxattr").as<Listxattr>().ok());
  EXPECT_EQ(Packet("listxattr").as<Listxattr>()->size, 512u);
  Packet remove("removexattr");
  ASSERT_TRUE(remove.as<Removexattr>().ok());
  EXPECT_STREQ(remove.as<Removexattr>()->name, "user.key");
}

}  // namespace
}  // namespace fuse3::wire::test
