#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>

#include "../../../util/capabilities.h"
#include "arguments.h"
#include "identity.h"
#include "options.h"
#include "support/log.h"

namespace fuse3::mount_helper {
namespace {

using Words = std::vector<std::string>;

class MountHelper : public testing::Test {
 protected:
  void SetUp() override {
    said().clear();
    set_log_function([](fuse_log_level, const char* format, va_list args) {
      char text[1024];
      vsnprintf(text, sizeof text, format, args);
      said() += text;
    });
  }
  void TearDown() override { set_log_function(nullptr); }

  static std::string& said() {
    static std::string text;
    return text;
  }

  Result<Arguments> parse(Words words, const std::string& name = "/sbin/mount.fuse3") {
    words.insert(words.begin(), name);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return parse_arguments(static_cast<int>(words.size()), argv.data());
  }

  Words command(const Words& words, const std::string& name = "/sbin/mount.fuse3") {
    const Result<Arguments> arguments = parse(words, name);
    if (!arguments) return {said()};
    return command_for(*arguments, arguments->mountpoint, arguments->options);
  }

  void expect_refused(const Words& words, const std::string& part) {
    said().clear();
    EXPECT_EQ(parse(words).error(), EINVAL);
    EXPECT_NE(said().find(part), std::string::npos) << said();
  }
};

TEST_F(MountHelper, TheTypeInTheSource) {
  EXPECT_EQ(command({"sshfs#me@host:/x y", "/m", "-o", "ro"}),
            Words({"sshfs", "me@host:/x y", "/m", "-o", "ro"}));
  EXPECT_EQ(command({"myfs#", "/m"}), Words({"myfs", "", "/m"}));
  EXPECT_EQ(command({"myfs", "/m"}), Words({"myfs", "/m"}));
  EXPECT_EQ(command({"myfs#a#b", "/m", "-t", "fuse"}), Words({"myfs", "a#b", "/m"}));
  EXPECT_EQ(command({"/opt/my fs#a", "/m"}), Words({"/opt/my fs", "a", "/m"}));
}

TEST_F(MountHelper, TheTypeByOption) {
  EXPECT_EQ(command({"host:#x", "/m", "-t", "fuse.sshfs"}), Words({"sshfs", "host:#x", "/m"}));
  EXPECT_EQ(command({"src", "/m", "-t", "fuseblk.ntfs"}), Words({"ntfs", "src", "/m"}));
  EXPECT_EQ(command({"src", "/m", "-t", "fuse3.a.b"}), Words({"a.b", "src", "/m"}));
}

TEST_F(MountHelper, TheTypeInItsOwnName) {
  EXPECT_EQ(command({"src", "/m"}, "/sbin/mount.fuse.sshfs"), Words({"sshfs", "src", "/m"}));
  EXPECT_EQ(command({"src", "/m"}, "mount.fuse3.x"), Words({"x", "src", "/m"}));
  EXPECT_EQ(command({"t#src", "/m"}, "mount.fuse"), Words({"t", "src", "/m"}));
  EXPECT_EQ(command({"t#src", "/m"}, "/usr/sbin/other"), Words({"t", "src", "/m"}));
}

TEST_F(MountHelper, WhatMountPasses) {
  const Result<Arguments> arguments =
      parse({"t#s", "/m", "-s", "-f", "-n", "-v", "-o", "rw,noauto", "-o", "", "-o", "x"});
  ASSERT_TRUE(arguments) << said();
  EXPECT_TRUE(arguments->fake && arguments->verbose);
  EXPECT_EQ(arguments->options, "rw,noauto,x");
  EXPECT_TRUE(parse({"-h"})->help && parse({"--help"})->help);
}

TEST_F(MountHelper, WhatIsWrongIsNamed) {
  expect_refused({}, "source and mountpoint");
  expect_refused({"t#s"}, "source and mountpoint");
  expect_refused({"t#s", "/m", "/n"}, "/n");
  expect_refused({"#s", "/m"}, "#s");
  expect_refused({"", "/m"}, "type");
  expect_refused({"t#s", ""}, "mountpoint is empty");
  expect_refused({"t#s", "/m", "-t", "ext4"}, "ext4");
  expect_refused({"t#s", "/m", "-x"}, "-x");
  expect_refused({"t#s", "/m", "--some"}, "--some");
  expect_refused({"t#s", "/m", "-o"}, "-o");
  expect_refused({"t#s", "/m", "-N", "/proc/1/ns/mnt"}, "namespace");
}

TEST_F(MountHelper, WhatIsMountsOwnIsLeftOut) {
  const Result<Options> options = part_options(
      "defaults,rw,auto,noauto,user,nouser,users,_netdev,nofail,x-systemd.automount,X-a=b,comment="
      "c,"
      "owner,group,,allow_other,user=me,a=b\\,noauto");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->rest, "rw,allow_other,user=me,a=b\\,noauto");
  EXPECT_EQ(part_options("")->rest, "");
  EXPECT_EQ(part_options("a\\")->rest, "a\\");
}

TEST_F(MountHelper, DevicesAndSetuid) {
  EXPECT_EQ(with_device_options(*part_options("")), "dev,suid");
  EXPECT_EQ(with_device_options(*part_options("ro,suid,dev")), "ro,dev,suid");
  EXPECT_EQ(with_device_options(*part_options("nodev,ro")), "nodev,ro,suid");
  EXPECT_EQ(with_device_options(*part_options("nosuid,nodev")), "nosuid,nodev");
  EXPECT_EQ(part_options("dev,suid")->rest, "");
}

TEST_F(MountHelper, WhatIsForTheHelper) {
  const Result<Options> options = part_options("ro,setuid=me,drop_privileges");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->rest, "ro");
  EXPECT_EQ(options->user, "me");
  EXPECT_TRUE(options->drop_privileges);
  EXPECT_EQ(part_options("setuid=").error(), EINVAL);
  EXPECT_NE(said().find("setuid="), std::string::npos);
}

TEST_F(MountHelper, MountingHere) {
  EXPECT_EQ(for_mounting(*part_options("ro,nodev,nosuid"), "/opt/my,fs", "a,b\\c"),
            "ro,nodev,nosuid,subtype=my\\,fs,fsname=a\\,b\\\\c");
  EXPECT_EQ(for_mounting(*part_options("fsname=x,subtype=y,nodev,nosuid"), "t", "s"),
            "fsname=x,subtype=y,nodev,nosuid");
}

TEST_F(MountHelper, Users) {
  const Result<User> root = find_user("root");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->user, 0u);
  EXPECT_EQ(find_user("0")->name, "root");
  EXPECT_EQ(find_user("no such user").error(), ENOENT);
  EXPECT_NE(said().find("no such user"), std::string::npos);
}

// What is wrong, as an exit status; 0 is nothing.
int drop_as(const User& user) {
  if (!become(user, true)) return 1;
  Capabilities raised;
  if (!raised.get() || !(raised.data[0].effective & (1U << CAP_SYS_ADMIN))) return 2;
  if (!give_up_everything()) return 3;
  Capabilities left;
  if (!left.get() || left.data[0].permitted || left.data[1].permitted) return 4;
  if (setuid(0) == 0 && user.user != 0) return 5;
  // What root runs has no capability either.
  return execl("/bin/sh", "sh", "-c",
               "! grep -E '^Cap(Prm|Eff|Bnd|Amb):' /proc/self/status | grep -q '[1-9a-f]$' && "
               "grep -q '^NoNewPrivs:[[:space:]]*1' /proc/self/status",
               static_cast<char*>(nullptr));
}

TEST_F(MountHelper, NothingComesBack) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const char* name : {"root", "nobody"}) {
    const Result<User> user = find_user(name);
    ASSERT_TRUE(user);
    const pid_t child = fork();
    if (child == 0) _exit(drop_as(*user));
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0) << name;
  }
}

}  // namespace
}  // namespace fuse3::mount_helper
