#include "arguments.h"

#include <vector>

#include "messages.h"

namespace fuse3::fusermount {
namespace {

class ArgumentsTest : public Messages {
 protected:
  Result<Arguments> parse(std::vector<std::string> words) {
    words.insert(words.begin(), "fusermount3");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return parse_arguments(static_cast<int>(words.size()), argv.data());
  }

  void expect_refused(const std::vector<std::string>& words, const std::string& part) {
    EXPECT_EQ(parse(words).error(), EINVAL);
    EXPECT_TRUE(says(part));
  }
};

TEST_F(ArgumentsTest, Mounting) {
  const Result<Arguments> arguments = parse({"-o", "ro,fsname=a", "--", "-strange"});
  ASSERT_TRUE(arguments) << said();
  EXPECT_EQ(arguments->task, Task::kMount);
  EXPECT_EQ(arguments->options, "ro,fsname=a");
  EXPECT_EQ(arguments->mountpoint, "-strange");
  EXPECT_FALSE(arguments->socket);
}

TEST_F(ArgumentsTest, OptionsAddUp) {
  const Result<Arguments> arguments = parse({"-oro", "--options=dev", "-o", "", "/m"});
  ASSERT_TRUE(arguments) << said();
  EXPECT_EQ(arguments->options, "ro,dev");
}

TEST_F(ArgumentsTest, UnmountingInEveryOrder) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-u", "-q", "-z", "--", "/m"},
        {"/m", "-uqz"},
        {"--unmount", "/m", "--lazy", "--quiet"}}) {
    const Result<Arguments> arguments = parse(words);
    ASSERT_TRUE(arguments) << said();
    EXPECT_EQ(arguments->task, Task::kUnmount);
    EXPECT_TRUE(arguments->lazy);
    EXPECT_TRUE(arguments->quiet);
    EXPECT_EQ(arguments->mountpoint, "/m");
  }
}

TEST_F(ArgumentsTest, OtherTasks) {
  EXPECT_EQ(parse({"-h"})->task, Task::kHelp);
  EXPECT_EQ(parse({"--version", "whatever", "else"})->task, Task::kVersion);
  EXPECT_EQ(parse({"--auto-unmount", "/m"})->task, Task::kWatch);
}

TEST_F(ArgumentsTest, Sockets) {
  EXPECT_EQ(*parse({"--comm-fd=7", "/m"})->socket, 7);
  EXPECT_EQ(*parse({"--comm-fd", "0", "/m"})->socket, 0);
  for (const char* wrong : {"", "-1", "x", "7x", "4294967295", "99999999999"}) {
    expect_refused({std::string("--comm-fd=") + wrong, "/m"}, "--comm-fd");
  }
}

TEST_F(ArgumentsTest, WhatIsWrongIsNamed) {
  expect_refused({}, "mountpoint is missing");
  expect_refused({"-u"}, "mountpoint is missing");
  expect_refused({""}, "mountpoint is empty");
  expect_refused({"/m", "/n"}, "/n");
  expect_refused({"-ux", "/m"}, "-x");
  expect_refused({"--nonsense", "/m"}, "--nonsense");
  expect_refused({"/m", "-o"}, "-o");
  expect_refused({"/m", "--comm-fd"}, "--comm-fd");
  expect_refused({"-z", "/m"}, "-z needs -u");
}

}  // namespace
}  // namespace fuse3::fusermount
