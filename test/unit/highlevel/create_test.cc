// fuse_new(): what becomes of a command line and operations.
#include "highlevel/create.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "highlevel/high_level.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

std::string& logged() {
  static std::string text;
  return text;
}

void remember(fuse_log_level, const char* format, va_list args) {
  char line[512];
  std::vsnprintf(line, sizeof line, format, args);
  logged() += line;
}

class NewHighLevel : public testing::Test {
 protected:
  void SetUp() override {
    logged().clear();
    set_log_function(remember);
  }
  void TearDown() override { set_log_function(nullptr); }

  // Whether a filesystem was made, which is gone again.
  bool made(const std::vector<const char*>& words, HelpOption help = HelpOption::unknown) {
    opt_free_args(args.get());
    for (const char* word : words) opt_add_arg(args.get(), word);
    const std::unique_ptr<fuse, decltype(&destroy_high_level)> filesystem(
        new_high_level(args.get(), &ops, sizeof ops, nullptr, help), destroy_high_level);
    return filesystem != nullptr;
  }

  OwnedArgs args;
  fuse_operations ops{};
};

TEST_F(NewHighLevel, TakesAllOptionsAndLeavesTheList) {
  EXPECT_TRUE(made({"program", "-ouse_ino,max_read=4096,modules=subdir,subdir=/x", "-d"}));
  EXPECT_EQ(args->argc, 3);
  EXPECT_STREQ(args->argv[1], "-ouse_ino,max_read=4096,modules=subdir,subdir=/x");
  EXPECT_EQ(logged(), "");
}

TEST_F(NewHighLevel, NamesWhatItDoesNotKnow) {
  EXPECT_FALSE(made({"program", "-ouse_ino,no_such_option"}));
  EXPECT_NE(logged().find("no_such_option"), std::string::npos) << logged();
  EXPECT_EQ(logged().find("use_ino"), std::string::npos) << logged();
}

TEST_F(NewHighLevel, HelpIsForProgramsFromBefore31) {
  testing::internal::CaptureStdout();
  EXPECT_FALSE(made({"program", "--help"}, HelpOption::known));
  std::fflush(stdout);
  const std::string help = testing::internal::GetCapturedStdout();
  for (const char* option : {"kernel_cache", "allow_other", "subdir=DIR"}) {
    EXPECT_NE(help.find(option), std::string::npos) << option;
  }
  EXPECT_EQ(logged(), "");
  EXPECT_FALSE(made({"program", "--help"}, HelpOption::unknown));
  EXPECT_NE(logged().find("--help"), std::string::npos);
}

TEST_F(NewHighLevel, NothingToBeginWith) {
  EXPECT_EQ(new_high_level(nullptr, &ops, sizeof ops, nullptr, HelpOption::unknown), nullptr);
  EXPECT_FALSE(made({}));
  opt_add_arg(args.get(), "program");
  EXPECT_EQ(new_high_level(args.get(), nullptr, 0, nullptr, HelpOption::unknown), nullptr);
  EXPECT_NE(logged().find("no operations"), std::string::npos);
}

TEST_F(NewHighLevel, OperationsThatDidNotStartDoNotEnd) {
  static bool ended;
  ended = false;
  ops.destroy = [](void*) { ended = true; };
  EXPECT_TRUE(made({"program", "-omodules=subdir,subdir=/x"}));
  EXPECT_FALSE(ended);
}

}  // namespace
}  // namespace fuse3
