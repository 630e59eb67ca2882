#include "mount/mount_options.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

std::string messages;

class Options : public testing::Test {
 protected:
  void SetUp() override {
    messages.clear();
    set_log_function([](fuse_log_level, const char* format, va_list args) {
      char text[512];
      vsnprintf(text, sizeof text, format, args);
      messages += text;
    });
  }
  void TearDown() override { set_log_function(nullptr); }

  Result<MountOptions> parse(const char* list) {
    opt_free_args(args.get());
    for (const char* word : {"prog", "-o", list}) opt_add_arg(args.get(), word);
    return MountOptions::parse(args.get());
  }
  std::string rest() { return args->argc > 2 ? args->argv[2] : ""; }
  std::string ids() {
    return ",user_id=" + std::to_string(getuid()) + ",group_id=" + std::to_string(getgid());
  }

  OwnedArgs args;
};

TEST_F(Options, NothingSaid) {
  const auto options = parse("other,max_write=5");
  ASSERT_TRUE(options);
  EXPECT_EQ(rest(), "other,max_write=5");
  EXPECT_EQ(options->flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV));
  EXPECT_EQ(options->filesystem_type(true), "fuse");
  EXPECT_EQ(options->source(true), "/dev/fuse");
  EXPECT_EQ(options->kernel_data(3, S_IFDIR), "fd=3,rootmode=40000" + ids());
  EXPECT_EQ(options->fusermount_list(), "");
}

TEST_F(Options, EverythingSaid) {
  const auto options = parse(
      "allow_other,default_permissions,max_read=4096,blksize=512,fsname=a\\,b\\\\c,subtype=s,ro,"
      "noexec,sync,dev,x-gvfs-hide,X-mount.mkdir,user=me,rootmode=100000");
  ASSERT_TRUE(options);
  EXPECT_EQ(rest(), "");
  EXPECT_EQ(options->flags,
            static_cast<unsigned long>(MS_NOSUID | MS_RDONLY | MS_NOEXEC | MS_SYNCHRONOUS));
  EXPECT_EQ(options->max_read, 4096u);
  EXPECT_EQ(options->filesystem_type(true), "fuse.s");
  EXPECT_EQ(options->filesystem_type(false), "fuse");
  EXPECT_EQ(options->source(true), "a,b\\c");
  EXPECT_EQ(options->source(false), "s#a,b\\c");
  EXPECT_EQ(options->kernel_data(3, S_IFDIR),
            "fd=3,rootmode=100000" + ids() +
                ",allow_other,default_permissions,max_read=4096,blksize=512");
  EXPECT_EQ(options->fusermount_list(),
            "fsname=a\\,b\\\\c,subtype=s,ro,dev,noexec,sync,"
            "allow_other,default_permissions,max_read=4096,blksize=512");
}

TEST_F(Options, EveryFlagHasItsBit) {
  const struct {
    const char* list;
    unsigned long expected;
  } kFlags[] = {
      {"ro", MS_RDONLY},
      {"ro,rw", 0},
      {"noexec", MS_NOEXEC},
      {"noexec,exec", 0},
      {"sync", MS_SYNCHRONOUS},
      {"sync,async", 0},
      {"dirsync", MS_DIRSYNC},
      {"noatime", MS_NOATIME},
      {"noatime,atime", 0},
      {"nodiratime", MS_NODIRATIME},
      {"nodiratime,diratime", 0},
      {"relatime", MS_RELATIME},
      {"relatime,norelatime", 0},
      {"strictatime", MS_STRICTATIME},
      {"strictatime,nostrictatime", 0},
      {"lazytime", MS_LAZYTIME},
      {"lazytime,nolazytime", 0},
      {"nosymfollow", MS_NOSYMFOLLOW},
      {"nosymfollow,symfollow", 0},
  };
  for (const auto& row : kFlags) {
    const auto options = parse(row.list);
    ASSERT_TRUE(options) << row.list;
    EXPECT_EQ(options->flags, row.expected | MS_NOSUID | MS_NODEV) << row.list;
    EXPECT_EQ(rest(), "");
  }
  EXPECT_EQ(parse("suid")->flags, static_cast<unsigned long>(MS_NODEV));
  EXPECT_EQ(parse("suid")->fusermount_list(), "suid");
  EXPECT_EQ(parse("dev")->flags, static_cast<unsigned long>(MS_NOSUID));
  EXPECT_EQ(parse("suid,dev,nosuid,nodev")->fusermount_list(), "");
}

TEST_F(Options, TheKernelDoesNotKnowAllowRoot) {
  const auto options = parse("allow_root");
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->allow_root);
  EXPECT_FALSE(options->allow_other);
  EXPECT_EQ(options->kernel_data(3, S_IFDIR), "fd=3,rootmode=40000" + ids() + ",allow_other");
  EXPECT_EQ(options->fusermount_list(), "allow_other");
}

TEST_F(Options, OnlyFusermountUnmountsByItself) {
  const auto options = parse("auto_unmount");
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->auto_unmount);
  EXPECT_EQ(options->kernel_data(3, S_IFDIR), "fd=3,rootmode=40000" + ids());
  EXPECT_EQ(options->fusermount_list(), "auto_unmount");
}

TEST_F(Options, NamesOfTheMount) {
  EXPECT_EQ(parse("subtype=s")->source(true), "s");
  EXPECT_EQ(parse("subtype=s")->source(false), "s");
  EXPECT_EQ(parse("fsname=f")->source(false), "f");
  EXPECT_EQ(parse("fsname=f,fsname=g")->source(true), "g");
  EXPECT_EQ(parse("blkdev,fsname=/dev/x,subtype=s")->filesystem_type(true), "fuseblk.s");
  EXPECT_EQ(parse("blkdev,fsname=/dev/x,subtype=s")->source(false), "/dev/x");
  EXPECT_EQ(parse("blkdev,fsname=/dev/x")->fusermount_list(), "fsname=/dev/x,blkdev");
}

TEST_F(Options, SecurityContextsPassThrough) {
  const auto options = parse("context=u:r:t:s0:c1\\,c2,fscontext=u:r:t,rootcontext=\"q\\,r\"");
  ASSERT_TRUE(options);
  EXPECT_EQ(rest(), "");
  EXPECT_EQ(options->kernel_data(3, S_IFDIR),
            "fd=3,rootmode=40000" + ids() +
                ",context=\"u:r:t:s0:c1,c2\",fscontext=u:r:t,rootcontext=\"q,r\"");
  EXPECT_EQ(options->fusermount_list(),
            "context=u:r:t:s0:c1\\,c2,fscontext=u:r:t,rootcontext=\"q\\,r\"");
}

TEST_F(Options, FailuresNameTheOptionAndChangeNothing) {
  for (const char* list : {"keep,fd=5", "keep,user_id=0", "keep,group_id=0", "keep,max_read=x",
                           "keep,allow_other,allow_root", "keep,rootmode=9"}) {
    messages.clear();
    EXPECT_EQ(parse(list).error(), EINVAL) << list;
    EXPECT_EQ(rest(), list);
    const std::string option = std::string(list).substr(5);
    EXPECT_NE(messages.find(option.substr(0, option.find(','))), std::string::npos) << messages;
  }
}

TEST_F(Options, HelpNamesEveryOption) {
  const std::string help = mount_option_help();
  for (const char* option : {"allow_other", "allow_root", "auto_unmount", "default_permissions",
                             "fsname=", "subtype=", "max_read=", "blkdev",
                             "blksize=", "rootmode=", "context=", "ro", "nosymfollow"}) {
    EXPECT_NE(help.find(option), std::string::npos) << option;
  }
}

}  // namespace
}  // namespace fuse3
