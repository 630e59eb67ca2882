// Argument vectors, option lists and single matches; and what a failed parse leaves behind.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

std::string last_message;

class OptArgs : public testing::Test {
 protected:
  void SetUp() override {
    last_message.clear();
    set_log_function([](fuse_log_level, const char* format, va_list args) {
      char text[256];
      vsnprintf(text, sizeof text, format, args);
      last_message = text;
    });
  }
  void TearDown() override { set_log_function(nullptr); }
};

std::string joined(const fuse_args& args) {
  std::string text;
  for (int i = 0; i < args.argc; ++i) text += '[' + std::string(args.argv[i]) + ']';
  return text;
}

TEST_F(OptArgs, GrowsFromNothing) {
  OwnedArgs args;
  EXPECT_EQ(opt_add_arg(args.get(), "one"), 0);
  EXPECT_EQ(opt_add_arg(args.get(), "two"), 0);
  EXPECT_EQ(opt_insert_arg(args.get(), 1, "between"), 0);
  EXPECT_EQ(opt_insert_arg(args.get(), 0, "first"), 0);
  EXPECT_EQ(opt_insert_arg(args.get(), 4, "last"), 0);
  EXPECT_EQ(joined(*args.get()), "[first][one][between][two][last]");
  EXPECT_EQ(args->argv[5], nullptr);
  EXPECT_EQ(args->allocated, 1);
}

TEST_F(OptArgs, InsertsOnlyInsideTheVector) {
  OwnedArgs args;
  EXPECT_EQ(opt_insert_arg(args.get(), 1, "x"), -1);
  EXPECT_EQ(opt_insert_arg(args.get(), -1, "x"), -1);
  EXPECT_EQ(args->argc, 0);
}

TEST_F(OptArgs, CopiesAVectorThatIsNotItsOwn) {
  char name[] = "prog";
  char* argv[] = {name, nullptr};
  fuse_args args = {1, argv, 0};
  ASSERT_EQ(opt_add_arg(&args, "more"), 0);
  EXPECT_NE(args.argv, argv);
  EXPECT_EQ(argv[1], nullptr);
  EXPECT_EQ(joined(args), "[prog][more]");
  opt_free_args(&args);
}

TEST_F(OptArgs, FreesOnlyWhatItOwns) {
  char name[] = "prog";
  char* argv[] = {name, nullptr};
  fuse_args args = {1, argv, 0};
  opt_free_args(&args);
  EXPECT_EQ(args.argc, 0);
  EXPECT_STREQ(argv[0], "prog");
  opt_free_args(nullptr);
}

TEST_F(OptArgs, BuildsLists) {
  char* list = nullptr;
  ASSERT_EQ(opt_add_opt(&list, "a,b"), 0);
  ASSERT_EQ(opt_add_opt(&list, ""), 0);
  ASSERT_EQ(opt_add_opt_escaped(&list, "c,d\\e"), 0);
  EXPECT_STREQ(list, "a,b,,c\\,d\\\\e");
  free(list);
}

TEST_F(OptArgs, AnEmptyListNeedsNoComma) {
  char* list = nullptr;
  ASSERT_EQ(opt_add_opt(&list, ""), 0);
  ASSERT_EQ(opt_add_opt(&list, "a"), 0);
  EXPECT_STREQ(list, "a");
  free(list);
}

TEST_F(OptArgs, Matches) {
  const fuse_opt table[] = {{"-x", 0, 0},   {"foo", 0, 0}, {"name=%s", 0, 0},
                            {"key=", 0, 0}, {"-p ", 0, 0}, FUSE_OPT_END};
  for (const char* yes : {"-x", "foo", "name=", "name=a", "key=b", "-p", "-pq"}) {
    EXPECT_EQ(opt_match(table, yes), 1) << yes;
  }
  for (const char* no : {"-xy", "fo", "foo=", "name", "key", "p", ""}) {
    EXPECT_EQ(opt_match(table, no), 0) << no;
  }
  EXPECT_EQ(opt_match(nullptr, "foo"), 0);
}

TEST_F(OptArgs, ParsesNothing) {
  EXPECT_EQ(opt_parse(nullptr, nullptr, nullptr, nullptr), 0);
  OwnedArgs args;
  EXPECT_EQ(opt_parse(args.get(), nullptr, nullptr, nullptr), 0);
  EXPECT_EQ(args->argc, 0);
}

TEST_F(OptArgs, WithoutTableAndFunctionEverythingStays) {
  OwnedArgs args;
  for (const char* word : {"prog", "-a", "-o", "b,c", "d"}) opt_add_arg(args.get(), word);
  EXPECT_EQ(opt_parse(args.get(), nullptr, nullptr, nullptr), 0);
  EXPECT_EQ(joined(*args.get()), "[prog][-o][b,c][-a][d]");
}

TEST_F(OptArgs, AFailureNamesTheOptionAndKeepsTheArguments) {
  struct Data {
    unsigned number;
  } data = {};
  const fuse_opt table[] = {{"num=%u", offsetof(Data, number), 0}, {"-p ", -1U, 1}, FUSE_OPT_END};
  OwnedArgs args;
  for (const char* word : {"prog", "-a", "-o", "b,num=x"}) opt_add_arg(args.get(), word);
  EXPECT_EQ(opt_parse(args.get(), &data, table, nullptr), -1);
  EXPECT_EQ(joined(*args.get()), "[prog][-a][-o][b,num=x]");
  EXPECT_NE(last_message.find("num=x"), std::string::npos) << last_message;

  OwnedArgs short_args;
  for (const char* word : {"prog", "-p"}) opt_add_arg(short_args.get(), word);
  EXPECT_EQ(opt_parse(short_args.get(), &data, table, nullptr), -1);
  EXPECT_NE(last_message.find("-p"), std::string::npos) << last_message;
}

TEST_F(OptArgs, AnOffsetOfMinusOneIsNoOffset) {
  static int calls;
  calls = 0;
  const fuse_opt table[] = {{"a", -1UL, 5}, {"b", -1U, 6}, FUSE_OPT_END};
  OwnedArgs args;
  for (const char* word : {"prog", "-oa,b"}) opt_add_arg(args.get(), word);
  const auto count = [](void*, const char*, int key, fuse_args*) {
    calls += key;
    return 0;
  };
  EXPECT_EQ(opt_parse(args.get(), nullptr, table, count), 0);
  EXPECT_EQ(calls, 11);
  EXPECT_EQ(joined(*args.get()), "[prog]");
}

}  // namespace
}  // namespace fuse3
