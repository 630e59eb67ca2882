// The modules subdir and iconv, and how modules are put on a filesystem.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "highlevel/fuse_fs.h"
#include "highlevel/modules.h"
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

// What the filesystem below was called with, and what its links say.
std::vector<std::string>& calls() {
  static std::vector<std::string> names;
  return names;
}
std::string& link_text() {
  static std::string text;
  return text;
}
int& destroyed() {
  static int count;
  return count;
}

int note(const char* path) {
  calls().push_back(path != nullptr ? path : "none");
  return 0;
}
int note_two(const char* from, const char* to) {
  return note(from), note(to);
}

fuse_operations operations() {
  fuse_operations ops{};
  ops.unlink = note;
  ops.symlink = note_two;
  ops.link = note_two;
  ops.rename = [](const char* from, const char* to, unsigned) { return note_two(from, to); };
  ops.flush = [](const char* path, fuse_file_info*) { return note(path); };
  ops.readlink = [](const char* path, char* target, size_t size) {
    note(path);
    target[link_text().copy(target, size - 1)] = '\0';
    return 0;
  };
  ops.read = [](const char* path, char* memory, size_t size, off_t, fuse_file_info*) {
    note(path);
    std::memset(memory, 'x', size);
    return static_cast<int>(size);
  };
  ops.readdir = [](const char* path, void* buffer, fuse_fill_dir_t filler, off_t, fuse_file_info*,
                   fuse_readdir_flags) {
    note(path);
    for (const char* name : {".", "gr\xfc\xdf"}) {
      if (filler(buffer, name, nullptr, 0, FUSE_FILL_DIR_DEFAULTS) != 0) break;
    }
    return 0;
  };
  ops.copy_file_range = [](const char* from, fuse_file_info*, off_t, const char* to,
                           fuse_file_info*, off_t, size_t,
                           int) -> ssize_t { return note_two(from, to) + 3; };
  ops.destroy = [](void*) { ++destroyed(); };
  return ops;
}

class Modules : public testing::Test {
 protected:
  void SetUp() override {
    logged().clear();
    calls().clear();
    destroyed() = 0;
    set_log_function(remember);
  }
  void TearDown() override {
    if (top != nullptr) layer::destroy(top);
    set_log_function(nullptr);
  }

  bool push(const char* list, const std::string& options) {
    opt_free_args(args.get());
    opt_add_arg(args.get(), "program");
    if (!options.empty()) opt_add_arg(args.get(), ("-o" + options).c_str());
    const fuse_operations ops = operations();
    top = push_modules(args.get(), new_layer(&ops, sizeof ops, nullptr), list);
    return top != nullptr;
  }
  std::string readlink(const char* path, const std::string& text) {
    link_text() = text;
    char target[64];
    EXPECT_EQ(layer::readlink(*top, path, target, sizeof target), 0);
    return target;
  }
  std::vector<std::string> took() { return std::exchange(calls(), {}); }

  using Paths = std::vector<std::string>;
  OwnedArgs args;
  fuse_fs* top = nullptr;
  fuse_file_info info{};
};

TEST_F(Modules, NoneLeavesTheFilesystem) {
  ASSERT_TRUE(push("", ""));
  EXPECT_EQ(top->module, nullptr);
  ASSERT_EQ(layer::unlink(*top, "/a"), 0);
  EXPECT_EQ(took(), Paths{"/a"});
}

TEST_F(Modules, SubdirPutsItsDirectoryInFront) {
  ASSERT_TRUE(push("subdir", "subdir=/deep/down/,max_read=5"));
  EXPECT_STREQ(args->argv[args->argc - 1], "max_read=5") << "took its own option only";
  layer::unlink(*top, "/a/b");
  layer::unlink(*top, "/");
  layer::rename(*top, "/a", "/b", 0);
  layer::link(*top, "/a", "/b");
  layer::symlink(*top, "/as/it/is", "/b");
  layer::flush(*top, nullptr, &info);
  EXPECT_EQ(took(), (Paths{"/deep/down/a/b", "/deep/down", "/deep/down/a", "/deep/down/b",
                           "/deep/down/a", "/deep/down/b", "/as/it/is", "/deep/down/b", "none"}));
  char memory[4];
  EXPECT_EQ(layer::read(*top, "/f", memory, 4, 0, &info), 4);
  EXPECT_EQ(layer::copy_file_range(*top, "/f", &info, 0, "/g", &info, 0, 1, 0), 3);
  EXPECT_EQ(took(), (Paths{"/deep/down/f", "/deep/down/f", "/deep/down/g"}));
}

TEST_F(Modules, SubdirHasTheOperationsOfWhatIsBelow) {
  ASSERT_TRUE(push("subdir", "subdir=/x"));
  EXPECT_EQ(top->ops.getattr, nullptr);
  EXPECT_EQ(top->ops.write, nullptr);
  EXPECT_NE(top->ops.unlink, nullptr);
  EXPECT_NE(top->ops.read_buf, nullptr);
}

TEST_F(Modules, SubdirMakesLinksRelative) {
  ASSERT_TRUE(push("subdir", "subdir=/base,rellinks"));
  EXPECT_EQ(readlink("/l", "/base/x/y"), "x/y");
  EXPECT_EQ(readlink("/a/b/l", "/base/x"), "../../x");
  EXPECT_EQ(readlink("/a/l", "/base"), "../");
  EXPECT_EQ(readlink("/l", "/base"), ".");
  EXPECT_EQ(readlink("/l", "/base2/x"), "/base2/x");
  EXPECT_EQ(readlink("/l", "/elsewhere"), "/elsewhere");
  EXPECT_EQ(readlink("/l", "relative"), "relative");
}

TEST_F(Modules, SubdirLeavesLinksAlone) {
  ASSERT_TRUE(push("subdir", "subdir=/base,rellinks,norellinks"));
  EXPECT_EQ(readlink("/l", "/base/x"), "/base/x");
}

TEST_F(Modules, FirstIsNearestToTheFilesystem) {
  ASSERT_TRUE(push("subdir:iconv:", "subdir=/z\u00fc,from_code=UTF-8,to_code=ISO-8859-1"));
  layer::unlink(*top, "/gr\xfc\xdf");
  EXPECT_EQ(took(), Paths{"/z\u00fc/gr\u00fc\u00df"});
}

TEST_F(Modules, IconvChangesNames) {
  ASSERT_TRUE(push("iconv", "from_code=ISO-8859-1,to_code=UTF-8"));
  layer::unlink(*top, "/gr\u00fc\u00df");
  layer::symlink(*top, "\u00fc", "/\u00df");
  EXPECT_EQ(took(), (Paths{"/gr\xfc\xdf", "\xfc", "/\xdf"}));
  EXPECT_EQ(readlink("/a", "\xe4"), "\u00e4");
  took();
  Paths entries;
  const auto keep = [](void* to, const char* name, const struct stat*, off_t, fuse_fill_dir_flags) {
    static_cast<Paths*>(to)->push_back(name);
    return 0;
  };
  EXPECT_EQ(layer::readdir(*top, "/", &entries, keep, 0, &info, FUSE_READDIR_DEFAULTS), 0);
  EXPECT_EQ(entries, (Paths{".", "gr\u00fc\u00df"}));
}

TEST_F(Modules, IconvRefusesWhatACharacterSetDoesNotHave) {
  ASSERT_TRUE(push("iconv", "from_code=ISO-8859-1,to_code=UTF-8"));
  EXPECT_EQ(layer::unlink(*top, "/\u20ac"), -EILSEQ);
  EXPECT_EQ(layer::rename(*top, "/a", "/\xff\xff", 0), -EILSEQ);
  EXPECT_EQ(took(), Paths{});
}

TEST_F(Modules, IconvRefusesAListingItCannotShow) {
  ASSERT_TRUE(push("iconv", "from_code=UTF-8,to_code=ISO-8859-1"));
  const auto keep = [](void*, const char*, const struct stat*, off_t, fuse_fill_dir_flags) {
    return 0;
  };
  EXPECT_EQ(layer::readdir(*top, "/", nullptr, keep, 0, &info, FUSE_READDIR_DEFAULTS), -EILSEQ);
}

TEST_F(Modules, AllLayersGoWithTheTop) {
  ASSERT_TRUE(push("subdir:iconv", "subdir=/x,from_code=UTF-8,to_code=UTF-8"));
  fuse_conn_info connection{};
  fuse_config config{};
  layer::init(*top, connection, config);
  layer::destroy(std::exchange(top, nullptr));
  EXPECT_EQ(destroyed(), 1);
}

TEST_F(Modules, Refused) {
  struct Case {
    const char* list;
    const char* options;
    const char* message;
  };
  for (const Case& bad : {
           Case{"subdir", "", "needs the option subdir=DIR"},
           Case{"subdir:subdir", "subdir=/x", "needs the option subdir=DIR"},
           Case{"iconv", "from_code=no-such-set", "`no-such-set'"},
           Case{"iconv", "from_code=UTF-16,to_code=UTF-8", "`UTF-16'"},
           Case{"nosuch", "", "libfusemod_nosuch.so"},
           Case{"../evil", "", "letters, digits and underscores, unlike `../evil'"},
       }) {
    logged().clear();
    EXPECT_FALSE(push(bad.list, bad.options)) << bad.list;
    EXPECT_NE(logged().find(bad.message), std::string::npos) << logged();
  }
}

TEST_F(Modules, HelpNamesOptions) {
  testing::internal::CaptureStdout();
  print_module_help("subdir");
  std::fflush(stdout);
  const std::string help = testing::internal::GetCapturedStdout();
  for (const char* option : {"subdir=DIR", "[no]rellinks", "from_code=", "to_code="}) {
    EXPECT_NE(help.find(option), std::string::npos) << option;
  }
  EXPECT_EQ(help.find("subdir module"), help.rfind("subdir module")) << "once";
}

}  // namespace
}  // namespace fuse3
