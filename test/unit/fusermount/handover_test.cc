#include "handover.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

#include "messages.h"
#include "support/unique_fd.h"

namespace fuse3::fusermount {
namespace {

class HandoverTest : public Messages {
 protected:
  void SetUp() override {
    Messages::SetUp();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }

  UniqueFd ours;
  UniqueFd theirs;
};

TEST_F(HandoverTest, FindsTheSocket) {
  const std::string number = std::to_string(ours.get());
  EXPECT_EQ(*find_socket({}, number.c_str()), ours.get());
  EXPECT_EQ(*find_socket(ours.get(), "nonsense"), ours.get());
  EXPECT_EQ(said(), "");
}

TEST_F(HandoverTest, WhatIsNoSocket) {
  for (const char* value : {static_cast<const char*>(nullptr), ""}) {
    EXPECT_EQ(find_socket({}, value).error(), EINVAL);
    EXPECT_TRUE(says("use -u"));
  }
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  for (const std::string& value :
       {std::to_string(file.get()), std::string("999999"), std::string("-1"), std::string("x"),
        std::string("4294967295")}) {
    EXPECT_EQ(find_socket({}, value.c_str()).error(), EBADF) << value;
    EXPECT_TRUE(says("not an open socket"));
  }
}

TEST_F(HandoverTest, SendsOneByteAndTheDescriptor) {
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(send_device(ours.get(), file.get()));
  char byte[2] = {1, 1};
  iovec data = {byte, sizeof byte};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ASSERT_EQ(recvmsg(theirs.get(), &message, MSG_CMSG_CLOEXEC), 1);
  EXPECT_EQ(byte[0], 0);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  EXPECT_EQ(header->cmsg_len, CMSG_LEN(sizeof(int)));
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  const UniqueFd got(fd);
  struct stat one, other;
  ASSERT_EQ(fstat(file.get(), &one), 0);
  ASSERT_EQ(fstat(got.get(), &other), 0);
  EXPECT_EQ(one.st_rdev, other.st_rdev);
}

TEST_F(HandoverTest, NobodyListens) {
  theirs.reset();
  EXPECT_EQ(send_device(ours.get(), 0).error(), EPIPE);
}

}  // namespace
}  // namespace fuse3::fusermount
