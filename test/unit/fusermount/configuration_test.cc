#include "configuration.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "messages.h"

namespace fuse3::fusermount {
namespace {

using ConfigurationTest = Messages;

TEST_F(ConfigurationTest, Nothing) {
  for (const char* text : {"", "\n\n", "# user_allow_other\n", " \t # mount_max = 5\n", "#"}) {
    const Configuration configuration = parse_configuration(text);
    EXPECT_FALSE(configuration.user_allow_other);
    EXPECT_EQ(*configuration.mount_max, 1000u);
  }
  EXPECT_EQ(said(), "");
}

TEST_F(ConfigurationTest, AllowOther) {
  for (const char* text :
       {"user_allow_other", " user_allow_other \r\n", "x y\nuser_allow_other # ok"}) {
    EXPECT_TRUE(parse_configuration(text).user_allow_other) << text;
  }
  for (const char* text : {"user_allow_others", "user_allow_other 1", "user_allow_other=1",
                           "user_allow_other =", "user allow_other", "USER_ALLOW_OTHER"}) {
    EXPECT_FALSE(parse_configuration(text).user_allow_other) << text;
  }
}

TEST_F(ConfigurationTest, MountMax) {
  EXPECT_EQ(*parse_configuration("mount_max = 5").mount_max, 5u);
  EXPECT_EQ(*parse_configuration("mount_max=0\n").mount_max, 0u);
  EXPECT_EQ(*parse_configuration("\tmount_max\t=\t7 # seven\nmount_max = 8").mount_max, 8u);
  EXPECT_FALSE(parse_configuration("mount_max = -1").mount_max);
  EXPECT_EQ(said(), "");
}

TEST_F(ConfigurationTest, ANumberThatIsNoneLeavesTheLimit) {
  for (const char* text : {"mount_max = x", "mount_max =", "mount_max = 5x", "mount_max = -2",
                           "mount_max = 4294967296", "mount_max = 1 2"}) {
    EXPECT_EQ(*parse_configuration(text).mount_max, 1000u) << text;
    EXPECT_TRUE(says("needs a number"));
  }
}

TEST_F(ConfigurationTest, UnknownLinesAreNamed) {
  const Configuration configuration =
      parse_configuration("one\nuser_allow_other\nmount_max\nreattach\n= 5");
  EXPECT_TRUE(configuration.user_allow_other);
  const std::string text = take_said();
  EXPECT_NE(text.find("line 1: not understood and ignored: \"one\""), std::string::npos) << text;
  EXPECT_NE(text.find("line 3"), std::string::npos) << text;
  EXPECT_NE(text.find("line 5"), std::string::npos) << text;
  EXPECT_EQ(text.find("reattach"), std::string::npos) << text;
}

TEST_F(ConfigurationTest, LongLinesAreCut) {
  parse_configuration(std::string(100000, 'x'));
  EXPECT_LT(take_said().size(), 300u);
}

TEST_F(ConfigurationTest, Files) {
  EXPECT_EQ(*read_configuration("/does/not/exist").mount_max, 1000u);
  EXPECT_EQ(said(), "");
  EXPECT_FALSE(read_configuration("/proc").user_allow_other);
  EXPECT_TRUE(says("/proc"));

  char path[] = "/tmp/fuse3-configuration-XXXXXX";
  const int fd = mkstemp(path);
  ASSERT_GE(fd, 0);
  close(fd);
  std::ofstream(path) << "user_allow_other\nmount_max = 3\n";
  const Configuration configuration = read_configuration(path);
  unlink(path);
  EXPECT_TRUE(configuration.user_allow_other);
  EXPECT_EQ(*configuration.mount_max, 3u);
}

}  // namespace
}  // namespace fuse3::fusermount
