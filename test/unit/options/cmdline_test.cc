#include "options/cmdline.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "options/mountpoint.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

class Cmdline : public testing::Test {
 protected:
  void SetUp() override {
    set_log_function([](fuse_log_level, const char*, va_list) {});
  }
  void TearDown() override {
    set_log_function(nullptr);
    free(opts.mountpoint);
  }

  int parse(const std::vector<const char*>& words) {
    free(opts.mountpoint);
    memset(&opts, 0x55, sizeof opts);
    opt_free_args(args.get());
    for (const char* word : words) opt_add_arg(args.get(), word);
    return parse_cmdline(args.get(), &opts);
  }
  std::string rest() {
    std::string text;
    for (int i = 1; i < args->argc; ++i) text += '[' + std::string(args->argv[i]) + ']';
    return text;
  }

  OwnedArgs args;
  fuse_cmdline_opts opts = {};
};

TEST_F(Cmdline, Defaults) {
  ASSERT_EQ(parse({"/usr/bin/prog", "/tmp"}), 0);
  EXPECT_EQ(opts.singlethread, 0);
  EXPECT_EQ(opts.foreground, 0);
  EXPECT_EQ(opts.debug, 0);
  EXPECT_EQ(opts.nodefault_subtype, 0);
  EXPECT_STREQ(opts.mountpoint, "/tmp");
  EXPECT_EQ(opts.show_version, 0);
  EXPECT_EQ(opts.show_help, 0);
  EXPECT_EQ(opts.clone_fd, 0);
  EXPECT_EQ(opts.max_idle_threads, UINT_MAX);
  EXPECT_EQ(opts.max_threads, 10u);
  EXPECT_EQ(rest(), "[-osubtype=prog]");
}

TEST_F(Cmdline, Switches) {
  ASSERT_EQ(parse({"prog", "-f", "-s", "-V", "-h", "-o",
                   "clone_fd,max_idle_threads=3,max_threads=7,other"}),
            0);
  EXPECT_EQ(opts.singlethread, 1);
  EXPECT_EQ(opts.foreground, 1);
  EXPECT_EQ(opts.debug, 0);
  EXPECT_EQ(opts.show_version, 1);
  EXPECT_EQ(opts.show_help, 1);
  EXPECT_EQ(opts.clone_fd, 1);
  EXPECT_EQ(opts.max_idle_threads, 3u);
  EXPECT_EQ(opts.max_threads, 7u);
  EXPECT_EQ(opts.mountpoint, nullptr);
  EXPECT_EQ(rest(), "[-osubtype=prog][-o][other]");
}

TEST_F(Cmdline, LongSwitches) {
  ASSERT_EQ(parse({"prog", "--help", "--version"}), 0);
  EXPECT_EQ(opts.show_version, 1);
  EXPECT_EQ(opts.show_help, 1);
}

TEST_F(Cmdline, DebugStaysInTheForegroundAndIsPassedOn) {
  ASSERT_EQ(parse({"prog", "-d"}), 0);
  EXPECT_EQ(opts.debug, 1);
  EXPECT_EQ(opts.foreground, 1);
  EXPECT_EQ(rest(), "[-osubtype=prog][-d]");
  ASSERT_EQ(parse({"prog", "-odebug"}), 0);
  EXPECT_EQ(opts.debug, 1);
  EXPECT_EQ(opts.foreground, 1);
  EXPECT_EQ(rest(), "[-osubtype=prog][-o][debug]");
}

TEST_F(Cmdline, ANameOfOnesOwnReplacesTheSubtype) {
  ASSERT_EQ(parse({"prog", "-ofsname=x", "/tmp"}), 0);
  EXPECT_EQ(opts.nodefault_subtype, 1);
  EXPECT_EQ(rest(), "[-o][fsname=x]");
  ASSERT_EQ(parse({"prog", "-osubtype=y", "/tmp"}), 0);
  EXPECT_EQ(opts.nodefault_subtype, 1);
  EXPECT_EQ(rest(), "[-o][subtype=y]");
}

TEST_F(Cmdline, SubtypeOfAStrangeProgramName) {
  ASSERT_EQ(parse({"/bin/a,b\\c", "/tmp"}), 0);
  EXPECT_EQ(rest(), "[-osubtype=a\\,b\\\\c]");
}

TEST_F(Cmdline, SubtypeStandsBeforeTheEndOfOptions) {
  ASSERT_EQ(parse({"prog", "-o", "unknown", "--", "/tmp"}), 0);
  EXPECT_EQ(rest(), "[-osubtype=prog][-o][unknown][--]");
}

TEST_F(Cmdline, MountpointIsResolved) {
  ASSERT_EQ(parse({"prog", "/usr/../tmp/./"}), 0);
  EXPECT_STREQ(opts.mountpoint, "/tmp");
  ASSERT_EQ(parse({"prog", "/dev/fd/9"}), 0);
  EXPECT_STREQ(opts.mountpoint, "/dev/fd/9");
}

TEST_F(Cmdline, FailuresChangeNothing) {
  const std::vector<std::vector<const char*>> bad = {
      {"prog", "-q", "/does/not/exist"},
      {"prog", "-q", "/tmp", "/usr"},
      {"prog", "-q", "/dev/fd/9x"},
      {"prog", "-q", "-omax_threads=many"},
      {"prog", "-q", "-o"},
  };
  for (const auto& words : bad) {
    EXPECT_EQ(parse(words), -1);
    std::string expected;
    for (size_t i = 1; i < words.size(); ++i) expected += '[' + std::string(words[i]) + ']';
    EXPECT_EQ(rest(), expected);
    EXPECT_EQ(opts.mountpoint, nullptr);
    EXPECT_EQ(opts.show_help, 0);
  }
}

TEST_F(Cmdline, NoArgumentsAtAll) {
  ASSERT_EQ(parse({}), 0);
  EXPECT_EQ(opts.mountpoint, nullptr);
  EXPECT_EQ(args->argc, 0);
}

TEST_F(Cmdline, TheOldStructureEndsBeforeMaxThreads) {
  for (const char* word : {"prog", "/tmp", "-omax_idle_threads=4,max_threads=5"}) {
    opt_add_arg(args.get(), word);
  }
  opts.max_threads = 77;
  ASSERT_EQ(parse_cmdline_30(args.get(), &opts), 0);
  EXPECT_EQ(opts.max_idle_threads, 4u);
  EXPECT_EQ(opts.max_threads, 77u);
  EXPECT_STREQ(opts.mountpoint, "/tmp");
}

TEST_F(Cmdline, HelpNamesEveryOption) {
  const std::string help = kCmdlineHelp;
  for (const char* option : {"-h", "--help", "-V", "--version", "-d", "debug", "-f", "-s",
                             "clone_fd", "max_idle_threads", "max_threads"}) {
    EXPECT_NE(help.find(option), std::string::npos) << option;
  }
}

TEST(Mountpoint, DevicePaths) {
  EXPECT_EQ(parse_device_path("/dev/fd/0"), 0);
  EXPECT_EQ(parse_device_path("/dev/fd/123"), 123);
  for (const char* no : {"/dev/fd/", "/dev/fd/-1", "/dev/fd/1x", "/dev/fd/ 1", "/dev/fd/1/",
                         "/dev/fd/99999999999", "dev/fd/1", "/tmp"}) {
    EXPECT_EQ(parse_device_path(no), std::nullopt) << no;
  }
}

TEST(Mountpoint, ResolvesAsRealpathDoes) {
  char dir[] = "/tmp/mountpoint-XXXXXX";
  ASSERT_NE(mkdtemp(dir), nullptr);
  const std::string base = dir;
  std::filesystem::create_directory(base + "/real dir");
  std::filesystem::create_symlink("real dir", base + "/link");
  std::filesystem::create_symlink("gone", base + "/dangling");
  ASSERT_EQ(close(open((base + "/file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);

  for (const char* name : {"/real dir", "/link", "/link/", "/link/.", "/link/..", "/file", "//link",
                           "/dangling", "/gone", "/file/x"}) {
    const std::string path = base + name;
    char* expected = realpath(path.c_str(), nullptr);
    const int expected_error = expected ? 0 : errno;
    const Result<std::string> resolved = resolve_mountpoint(path.c_str());
    EXPECT_EQ(resolved.error(), expected_error) << path;
    if (expected && resolved) {
      EXPECT_EQ(*resolved, expected) << path;
    }
    free(expected);
  }
  EXPECT_EQ(resolve_mountpoint("").error(), ENOENT);
  std::filesystem::remove_all(base);
}

}  // namespace
}  // namespace fuse3
