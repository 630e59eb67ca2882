#include "request.h"

#include "messages.h"

namespace fuse3::fusermount {
namespace {

class RequestTest : public Messages {
 protected:
  Result<Request> as_user(const std::string& list) { return parse_request(list, false, strict); }
  Result<Request> as_root(const std::string& list) { return parse_request(list, true, strict); }

  void expect_refused(const Result<Request>& request, const std::string& part) {
    EXPECT_EQ(request.error(), EINVAL);
    EXPECT_TRUE(says(part));
  }

  const Configuration strict;
};

TEST_F(RequestTest, Splitting) {
  using List = std::vector<std::string>;
  EXPECT_EQ(split_options(""), List({""}));
  EXPECT_EQ(split_options("a,b"), List({"a", "b"}));
  EXPECT_EQ(split_options("a\\,b,c\\\\"), List({"a,b", "c\\"}));
  EXPECT_EQ(split_options(",a\\"), List({"", "a\\"}));
}

TEST_F(RequestTest, WhatIsMountedByDefault) {
  for (const char* list : {"", ",,", "nonempty,large_read"}) {
    const Result<Request> request = as_user(list);
    ASSERT_TRUE(request) << said();
    EXPECT_EQ(request->flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV));
    EXPECT_EQ(request->source(), "/dev/fuse");
    EXPECT_EQ(request->filesystem_type(), "fuse");
    EXPECT_EQ(request->data(5, 040000, 10, 11), "fd=5,rootmode=40000,user_id=10,group_id=11");
  }
}

TEST_F(RequestTest, Names) {
  const Result<Request> request = as_user("fsname=a\\,b c,subtype=x.y");
  ASSERT_TRUE(request) << said();
  EXPECT_EQ(request->source(), "a,b c");
  EXPECT_EQ(request->filesystem_type(), "fuse.x.y");
  EXPECT_EQ(as_user("subtype=s")->source(), "s");
  expect_refused(as_user("fsname="), "fsname=");
  expect_refused(as_user("subtype="), "subtype=");
  expect_refused(as_user("fsname=" + std::string(5000, 'n')), "too long");
}

TEST_F(RequestTest, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(as_user("fsname=a\nb\033[2J\x7f")->source(), "a\\012b\\033[2J\\177");
  EXPECT_EQ(as_user("subtype=\xc3\xa4\t")->filesystem_type(), "fuse.\xc3\xa4\\011");
}

TEST_F(RequestTest, Flags) {
  EXPECT_EQ(as_user("ro,noexec,sync,noatime,dirsync")->flags,
            static_cast<unsigned long>(MS_NOSUID | MS_NODEV | MS_RDONLY | MS_NOEXEC |
                                       MS_SYNCHRONOUS | MS_NOATIME | MS_DIRSYNC));
  EXPECT_EQ(as_user("ro,rw,exec")->flags, kDefaultFlags);
  EXPECT_EQ(said(), "");
}

TEST_F(RequestTest, DevicesAndSetuidAreForRoot) {
  EXPECT_EQ(as_user("dev,suid")->flags, kDefaultFlags);
  EXPECT_TRUE(says("\"suid\" is for root alone"));
  EXPECT_EQ(as_root("dev,suid")->flags, 0u);
  EXPECT_EQ(said(), "");
}

TEST_F(RequestTest, OtherUsersNeedLeave) {
  expect_refused(as_user("allow_other"), "user_allow_other");
  expect_refused(as_user("allow_root"), "user_allow_other");
  EXPECT_TRUE(as_root("allow_other")->allow_other);
  Configuration lenient;
  lenient.user_allow_other = true;
  const Result<Request> request = parse_request("allow_other", false, lenient);
  ASSERT_TRUE(request) << said();
  EXPECT_EQ(request->data(3, 0100000, 1, 2),
            "fd=3,rootmode=100000,user_id=1,group_id=2,allow_other");
  expect_refused(parse_request("allow_root", false, lenient), "allow_root");
}

TEST_F(RequestTest, Numbers) {
  const Result<Request> request = as_root("max_read=8192,blkdev,fsname=/dev/x,blksize=512");
  ASSERT_TRUE(request) << said();
  EXPECT_EQ(request->data(3, 040000, 0, 0),
            "fd=3,rootmode=40000,user_id=0,group_id=0,max_read=8192,blksize=512");
  EXPECT_EQ(request->filesystem_type(), "fuseblk");
  for (const char* wrong : {"max_read=", "max_read=x", "max_read=-1", "max_read=1 ",
                            "max_read=99999999999", "max_read"}) {
    expect_refused(as_user(wrong), "max_read");
  }
  expect_refused(as_user("blksize=512"), "blkdev");
}

TEST_F(RequestTest, BlockDevicesAreForRoot) {
  expect_refused(as_user("blkdev,fsname=/dev/sda"), "blkdev");
  expect_refused(as_root("blkdev"), "fsname");
}

TEST_F(RequestTest, SecurityLabels) {
  EXPECT_EQ(as_root("context=a:b\\,c,fscontext=\"x\\,y\"")->data(3, 040000, 0, 0),
            "fd=3,rootmode=40000,user_id=0,group_id=0,context=\"a:b,c\",fscontext=\"x,y\"");
  expect_refused(as_user("context=x"), "context");
  for (const char* wrong :
       {"context=", "context=a\"b", "context=\"", "context=\"a\"\\,fd=1", "context=\"a\"b\""}) {
    expect_refused(as_root(wrong), "quotes");
  }
}

TEST_F(RequestTest, WhatTheCallerDoesNotDecide) {
  const Result<Request> request = as_user("fd=9,rootmode=0,user_id=0,group_id=0");
  ASSERT_TRUE(request) << said();
  EXPECT_EQ(request->data(5, 040000, 10, 11), "fd=5,rootmode=40000,user_id=10,group_id=11");
}

TEST_F(RequestTest, UnknownOptionsAreNamed) {
  for (const char* wrong : {"nonsense", "x-something", "a=b", "=", "auto_unmount=1", "-n"}) {
    expect_refused(as_root(wrong), std::string("\"") + wrong + "\" is unknown");
  }
}

TEST_F(RequestTest, NothingIsCutOff) {
  expect_refused(as_root("context=" + std::string(4100, 'x')), "too long");
}

}  // namespace
}  // namespace fuse3::fusermount
