// What fuse_opt_parse() makes of a command line, case by case: the result, what is left of the
// arguments, the values stored, and the calls of the processing function with their keys.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

struct Values {
  int x = 0;
  int foo = 0;
  int first = 0;
  int second = 0;
  unsigned number = 0;
  int negative = 0;
  unsigned hex = 0;
  unsigned mode = 0;
  long big = 0;
  int fixed = 0;
  char* name = nullptr;
  char* text = nullptr;
  char* parameter = nullptr;
  char* list_parameter = nullptr;
  unsigned attached = 0;
  std::string calls;
};

constexpr int kKey = 100;
constexpr int kSpaceKey = 101;

const fuse_opt kTable[] = {
    {"-x", offsetof(Values, x), 1},
    {"foo", offsetof(Values, foo), 42},
    {"both", offsetof(Values, first), 3},
    {"both", offsetof(Values, second), 4},
    {"num=%u", offsetof(Values, number), 0},
    {"signed=%d", offsetof(Values, negative), 0},
    {"hex=%x", offsetof(Values, hex), 0},
    {"mode=%o", offsetof(Values, mode), 0},
    {"big=%li", offsetof(Values, big), 0},
    {"fixed=1", offsetof(Values, fixed), 7},
    {"name=%s", offsetof(Values, name), 0},
    {"--long=%s", offsetof(Values, text), 0},
    {"-P %s", offsetof(Values, parameter), 0},
    {"w %s", offsetof(Values, list_parameter), 0},
    {"-N %u", offsetof(Values, attached), 0},
    FUSE_OPT_KEY("key=", kKey),
    FUSE_OPT_KEY("-K ", kSpaceKey),
    FUSE_OPT_KEY("keep", FUSE_OPT_KEY_KEEP),
    FUSE_OPT_KEY("-k", FUSE_OPT_KEY_KEEP),
    FUSE_OPT_KEY("drop", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_KEY("-D", FUSE_OPT_KEY_DISCARD),
    FUSE_OPT_END,
};

// What was called, and a verdict that the argument itself asks for.
int process(void* data, const char* arg, int key, fuse_args* out) {
  auto* values = static_cast<Values*>(data);
  values->calls += '(' + std::string(arg) + ' ' + std::to_string(key) + ')';
  const std::string what = arg;
  if (what == "fail") return -1;
  if (what == "swallow") return 0;
  if (what == "two") return 2;
  if (what == "add") return opt_add_arg(out, "--added") == 0 ? 0 : -1;
  if (what == "insert") return opt_insert_arg(out, 1, "--inserted") == 0 ? 0 : -1;
  return 1;
}

std::string bracketed(const fuse_args& args) {
  std::string text;
  for (int i = 0; i < args.argc; ++i) text += '[' + std::string(args.argv[i]) + ']';
  return text;
}

// Everything a parse changed, as one line. Values that were not touched are left out.
std::string describe(int result, const fuse_args& args, const Values& v) {
  std::string text = std::to_string(result) + ' ' + bracketed(args);
  const auto show = [&](const char* name, long value) {
    if (value != 0) text += std::string(" ") + name + '=' + std::to_string(value);
  };
  const auto show_text = [&](const char* name, const char* value) {
    if (value) text += std::string(" ") + name + "='" + value + '\'';
  };
  show("x", v.x);
  show("foo", v.foo);
  show("first", v.first);
  show("second", v.second);
  show("number", v.number);
  show("negative", v.negative);
  show("hex", v.hex);
  show("mode", v.mode);
  show("big", v.big);
  show("fixed", v.fixed);
  show_text("name", v.name);
  show_text("text", v.text);
  show_text("parameter", v.parameter);
  show_text("list_parameter", v.list_parameter);
  show("attached", v.attached);
  return v.calls.empty() ? text : text + ' ' + v.calls;
}

struct Case {
  const char* title;
  std::vector<std::string> args;
  const char* expected;
};

const Case kCases[] = {
    {"nothing but a name", {"prog"}, "0 [prog]"},
    {"bare switch", {"prog", "-x"}, "0 [prog] x=1"},
    {"switch given twice", {"prog", "-x", "-x"}, "0 [prog] x=1"},
    {"unknown switch stays", {"prog", "-q"}, "0 [prog][-q] (-q -1)"},
    {"-o list, joined", {"prog", "-ofoo"}, "0 [prog] foo=42"},
    {"-o list, apart", {"prog", "-o", "foo"}, "0 [prog] foo=42"},
    {"unknown elements stay in one list",
     {"prog", "-o", "alpha,foo,beta"},
     "0 [prog][-o][alpha,beta] foo=42 (alpha -1)(beta -1)"},
    {"several lists become one, in front",
     {"prog", "-q", "-o", "alpha", "mnt", "-o", "beta,foo", "-r"},
     "0 [prog][-o][alpha,beta][-q][mnt][-r] foo=42 (-q -1)(alpha -1)(mnt -2)(beta -1)(-r -1)"},
    {"-o without an argument", {"prog", "-q", "-o"}, "-1 [prog][-q][-o] (-q -1)"},
    {"list with an empty element",
     {"prog", "-o", "alpha,,beta"},
     "0 [prog][-o][alpha,,beta] (alpha -1)( -1)(beta -1)"},
    {"empty list", {"prog", "-o", ""}, "0 [prog][-o][] ( -1)"},
    {"list that is a comma", {"prog", "-o", ","}, "0 [prog][-o][] ( -1)( -1)"},
    {"escaped comma", {"prog", "-o", "alpha\\,beta"}, "0 [prog][-o][alpha\\,beta] (alpha,beta -1)"},
    {"escaped backslash",
     {"prog", "-o", "alpha\\\\beta"},
     "0 [prog][-o][alpha\\\\beta] (alpha\\beta -1)"},
    {"escaped ordinary letter", {"prog", "-o", "al\\pha"}, "0 [prog][-o][alpha] (alpha -1)"},
    {"octal comma", {"prog", "-o", "alpha\\054beta"}, "0 [prog][-o][alpha\\,beta] (alpha,beta -1)"},
    {"octal letters", {"prog", "-o", "name=\\101\\102"}, "0 [prog] name='AB'"},
    {"octal out of range", {"prog", "-o", "name=\\477"}, "0 [prog] name='477'"},
    {"octal cut short", {"prog", "-o", "name=\\10"}, "0 [prog] name='10'"},
    {"backslash at the end", {"prog", "-o", "alpha\\"}, "0 [prog][-o][alpha\\\\] (alpha\\ -1)"},
    {"backslash before the comma that ends an element",
     {"prog", "-o", "alpha\\\\,beta"},
     "0 [prog][-o][alpha\\\\,beta] (alpha\\ -1)(beta -1)"},
    {"string value", {"prog", "-oname=value"}, "0 [prog] name='value'"},
    {"string value replaced", {"prog", "-oname=one,name=two"}, "0 [prog] name='two'"},
    {"string value replaced by a later argument",
     {"prog", "-oname=one", "-o", "name=two"},
     "0 [prog] name='two'"},
    {"empty string value", {"prog", "-oname="}, "0 [prog] name=''"},
    {"string value with a comma", {"prog", "-o", "name=a\\,b"}, "0 [prog] name='a,b'"},
    {"string without its equals sign", {"prog", "-oname"}, "0 [prog][-o][name] (name -1)"},
    {"number", {"prog", "-onum=12"}, "0 [prog] number=12"},
    {"number with garbage behind", {"prog", "-onum=12abc"}, "0 [prog] number=12"},
    {"number that is none", {"prog", "-onum=abc"}, "-1 [prog][-onum=abc]"},
    {"number that is missing", {"prog", "-onum="}, "-1 [prog][-onum=]"},
    {"negative number", {"prog", "-osigned=-5"}, "0 [prog] negative=-5"},
    {"hexadecimal", {"prog", "-ohex=ff"}, "0 [prog] hex=255"},
    {"octal number", {"prog", "-omode=755"}, "0 [prog] mode=493"},
    {"long", {"prog", "-obig=123456789012"}, "0 [prog] big=123456789012"},
    {"two rules on one option", {"prog", "-oboth"}, "0 [prog] first=3 second=4"},
    {"long option with value", {"prog", "--long=abc"}, "0 [prog] text='abc'"},
    {"long option without value", {"prog", "--long"}, "0 [prog][--long] (--long -1)"},
    {"long option with an empty value", {"prog", "--long="}, "0 [prog] text=''"},
    {"long option that is longer",
     {"prog", "--longer=abc"},
     "0 [prog][--longer=abc] (--longer=abc -1)"},
    {"key rule with parameter", {"prog", "-okey=abc"}, "0 [prog][-o][key=abc] (key=abc 100)"},
    {"key rule with parameter left empty", {"prog", "-okey="}, "0 [prog][-o][key=] (key= 100)"},
    {"key rule without its equals sign", {"prog", "-okey"}, "0 [prog][-o][key] (key -1)"},
    {"kept by the table", {"prog", "-okeep", "-k"}, "0 [prog][-o][keep][-k]"},
    {"thrown away by the table", {"prog", "-odrop", "-D"}, "0 [prog]"},
    {"parameter attached", {"prog", "-Pvalue"}, "0 [prog] parameter='value'"},
    {"parameter apart", {"prog", "-P", "value"}, "0 [prog] parameter='value'"},
    {"parameter missing", {"prog", "-q", "-P"}, "-1 [prog][-q][-P] (-q -1)"},
    {"parameter that looks like an option", {"prog", "-P", "-x"}, "0 [prog] parameter='-x'"},
    {"key with parameter attached", {"prog", "-Kvalue"}, "0 [prog][-Kvalue] (-Kvalue 101)"},
    {"key with parameter apart", {"prog", "-K", "value"}, "0 [prog][-Kvalue] (-Kvalue 101)"},
    {"number attached", {"prog", "-N7"}, "0 [prog] attached=7"},
    {"number apart", {"prog", "-N", "7"}, "0 [prog] attached=7"},
    {"number apart that is none", {"prog", "-N", "x"}, "-1 [prog][-N][x]"},
    {"parameter apart inside a list takes the next argument",
     {"prog", "-o", "w", "value"},
     "0 [prog] list_parameter='value'"},
    {"non-option", {"prog", "mnt"}, "0 [prog][mnt] (mnt -2)"},
    {"non-options among options",
     {"prog", "one", "-x", "two", "-q", "three"},
     "0 [prog][one][two][-q][three] x=1 (one -2)(two -2)(-q -1)(three -2)"},
    {"single dash", {"prog", "-"}, "0 [prog][-] (- -1)"},
    {"empty argument", {"prog", ""}, "0 [prog][] ( -2)"},
    {"double dash ends options",
     {"prog", "-x", "--", "-x", "-q"},
     "0 [prog][--][-x][-q] x=1 (-x -2)(-q -2)"},
    {"double dash at the end", {"prog", "-q", "--"}, "0 [prog][-q] (-q -1)"},
    {"double dash at the end, after a list",
     {"prog", "-q", "-o", "alpha", "--"},
     "0 [prog][-o][alpha][-q][--] (-q -1)(alpha -1)"},
    {"double dash alone", {"prog", "--"}, "0 [prog]"},
    {"second double dash is an argument",
     {"prog", "--", "a", "--", "b"},
     "0 [prog][--][a][--][b] (a -2)(-- -2)(b -2)"},
    {"list after double dash is an argument",
     {"prog", "-o", "alpha", "--", "-o", "beta"},
     "0 [prog][-o][alpha][--][-o][beta] (alpha -1)(-o -2)(beta -2)"},
    {"separate -o before double dash takes it",
     {"prog", "-o", "--", "-x"},
     "0 [prog][-o][--] x=1 (-- -1)"},
    {"processing function refuses",
     {"prog", "-q", "fail", "mnt"},
     "-1 [prog][-q][fail][mnt] (-q -1)(fail -2)"},
    {"processing function refuses inside a list",
     {"prog", "-o", "alpha,fail"},
     "-1 [prog][-o][alpha,fail] (alpha -1)(fail -1)"},
    {"processing function throws away",
     {"prog", "-o", "swallow,alpha", "swallow"},
     "0 [prog][-o][alpha] (swallow -1)(alpha -1)(swallow -2)"},
    {"processing function adds an argument",
     {"prog", "-o", "add", "mnt"},
     "0 [prog][--added][mnt] (add -1)(mnt -2)"},
    {"processing function adds an argument in front",
     {"prog", "-q", "-o", "insert", "mnt"},
     "0 [prog][--inserted][-q][mnt] (-q -1)(insert -1)(mnt -2)"},
    {"processing function keeps with any other number", {"prog", "two"}, "0 [prog][two] (two -2)"},
    {"equals sign in the middle is part of the name",
     {"prog", "-oa=b"},
     "0 [prog][-o][a=b] (a=b -1)"},
    {"template with a value is literal",
     {"prog", "-ofixed=1", "-ofixed=2"},
     "0 [prog][-o][fixed=2] fixed=7 (fixed=2 -1)"},
    {"prefix of a template is not enough",
     {"prog", "-ofo", "-onam=x"},
     "0 [prog][-o][fo,nam=x] (fo -1)(nam=x -1)"},
    {"kept element is escaped again",
     {"prog", "-o", "alpha\\,beta,gamma\\\\delta"},
     "0 [prog][-o][alpha\\,beta,gamma\\\\delta] (alpha,beta -1)(gamma\\delta -1)"},
};

class OptTable : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    set_log_function([](fuse_log_level, const char*, va_list) {});
  }
  void TearDown() override { set_log_function(nullptr); }
};

TEST_P(OptTable, DoesWhatProgramsExpect) {
  std::vector<std::string> words = GetParam().args;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  fuse_args args = {static_cast<int>(words.size()), argv.data(), 0};

  Values values;
  const int result = opt_parse(&args, &values, kTable, process);
  EXPECT_EQ(describe(result, args, values), GetParam().expected) << GetParam().title;
  EXPECT_EQ(args.argv[args.argc], nullptr);
  EXPECT_EQ(args.allocated, result == 0 ? 1 : 0);
  for (size_t i = 0; i < words.size(); ++i) EXPECT_EQ(words[i], GetParam().args[i]);

  opt_free_args(&args);
  EXPECT_EQ(args.argc, 0);
  EXPECT_EQ(args.argv, nullptr);
  for (char* text : {values.name, values.text, values.parameter, values.list_parameter}) free(text);
}

INSTANTIATE_TEST_SUITE_P(All, OptTable, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& info) {
                           return std::to_string(info.index);
                         });

}  // namespace
}  // namespace fuse3
