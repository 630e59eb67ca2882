#include "highlevel/config_options.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

class ConfigOptions : public testing::Test {
 protected:
  void SetUp() override {
    set_log_function([](fuse_log_level, const char*, va_list) {});
  }
  void TearDown() override {
    set_log_function(nullptr);
    std::free(config.modules);
  }

  int parse(const std::string& options, HelpOption help = HelpOption::unknown) {
    std::free(config.modules);
    config = {};
    opt_free_args(args.get());
    opt_add_arg(args.get(), "program");
    if (!options.empty()) opt_add_arg(args.get(), ("-o" + options).c_str());
    return parse_config(args.get(), &config, help);
  }
  std::string rest() {
    std::string text;
    for (int i = 1; i < args->argc; ++i) text += '[' + std::string(args->argv[i]) + ']';
    return text;
  }

  OwnedArgs args;
  fuse_config config{};
};

TEST_F(ConfigOptions, Defaults) {
  ASSERT_EQ(parse(""), 0);
  EXPECT_EQ(config.entry_timeout, 1.0);
  EXPECT_EQ(config.negative_timeout, 0.0);
  EXPECT_EQ(config.attr_timeout, 1.0);
  EXPECT_EQ(config.ac_attr_timeout, 1.0);
  EXPECT_EQ(config.ac_attr_timeout_set, 0);
  EXPECT_EQ(config.intr, 0);
  EXPECT_EQ(config.intr_signal, SIGUSR1);
  EXPECT_EQ(config.remember, 0);
  EXPECT_EQ(config.set_mode, 0);
  EXPECT_EQ(config.set_uid, 0);
  EXPECT_EQ(config.set_gid, 0);
  EXPECT_EQ(config.modules, nullptr);
}

TEST_F(ConfigOptions, Flags) {
  ASSERT_EQ(parse("hard_remove,use_ino,readdir_ino,direct_io,kernel_cache,auto_cache,no_rofd_flush,"
                  "parallel_direct_writes,intr"),
            0);
  EXPECT_EQ(rest(), "");
  EXPECT_EQ(config.hard_remove, 1);
  EXPECT_EQ(config.use_ino, 1);
  EXPECT_EQ(config.readdir_ino, 1);
  EXPECT_EQ(config.direct_io, 1);
  EXPECT_EQ(config.kernel_cache, 1);
  EXPECT_EQ(config.auto_cache, 1);
  EXPECT_EQ(config.no_rofd_flush, 1);
  EXPECT_EQ(config.parallel_direct_writes, 1);
  EXPECT_EQ(config.intr, 1);
  ASSERT_EQ(parse("auto_cache,noauto_cache"), 0);
  EXPECT_EQ(config.auto_cache, 0);
}

TEST_F(ConfigOptions, OwnersAndPermissions) {
  ASSERT_EQ(parse("uid=4000000000,gid=7,umask=027"), 0);
  EXPECT_EQ(config.set_uid, 1);
  EXPECT_EQ(config.uid, 4000000000u);
  EXPECT_EQ(config.set_gid, 1);
  EXPECT_EQ(config.gid, 7u);
  EXPECT_EQ(config.set_mode, 1);
  EXPECT_EQ(config.umask, 027u);
  ASSERT_EQ(parse("fmask=0133,dmask=022"), 0);
  EXPECT_EQ(config.set_mode, 1);
  EXPECT_EQ(config.umask, 0u);
  EXPECT_EQ(config.fmask, 0133u);
  EXPECT_EQ(config.dmask, 022u);
}

TEST_F(ConfigOptions, Times) {
  ASSERT_EQ(parse("entry_timeout=0.5,negative_timeout=2,attr_timeout=3.25,remember=60"), 0);
  EXPECT_EQ(config.entry_timeout, 0.5);
  EXPECT_EQ(config.negative_timeout, 2.0);
  EXPECT_EQ(config.attr_timeout, 3.25);
  EXPECT_EQ(config.ac_attr_timeout, 3.25) << "follows attr_timeout";
  EXPECT_EQ(config.remember, 60);
  ASSERT_EQ(parse("attr_timeout=3,ac_attr_timeout=0"), 0);
  EXPECT_EQ(config.ac_attr_timeout, 0.0);
  EXPECT_EQ(config.ac_attr_timeout_set, 1);
  ASSERT_EQ(parse("noforget,intr_signal=12"), 0);
  EXPECT_EQ(config.remember, -1);
  EXPECT_EQ(config.intr_signal, 12);
}

TEST_F(ConfigOptions, WhatTheSessionNeedsStays) {
  ASSERT_EQ(parse("debug,modules=a:b,max_read=4096,kernel_cache,subdir=/x"), 0);
  EXPECT_EQ(config.debug, 1);
  EXPECT_STREQ(config.modules, "a:b");
  EXPECT_EQ(rest(), "[-o][debug,max_read=4096,subdir=/x]");
}

TEST_F(ConfigOptions, HelpIsAnOptionOfOldProgramsOnly) {
  opt_free_args(args.get());
  for (const char* word : {"program", "--help"}) opt_add_arg(args.get(), word);
  ASSERT_EQ(parse_config(args.get(), &config, HelpOption::unknown), 0);
  EXPECT_EQ(config.show_help, 0);
  EXPECT_EQ(rest(), "[--help]");
  ASSERT_EQ(parse_config(args.get(), &config, HelpOption::known), 0);
  EXPECT_EQ(config.show_help, 1);
  EXPECT_EQ(rest(), "");
}

TEST_F(ConfigOptions, Refused) {
  for (const char* bad : {"uid=somebody", "umask=9", "entry_timeout=soon",
                          "remember=", "modules=subdir,attr_timeout=x"}) {
    EXPECT_EQ(parse(bad), -1) << bad;
    EXPECT_EQ(config.modules, nullptr) << bad;
  }
}

}  // namespace
}  // namespace fuse3
