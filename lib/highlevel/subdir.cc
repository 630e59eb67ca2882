// The module subdir: a directory of a filesystem is shown as the whole
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "highlevel/modules.h"
#include "highlevel/path_module.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

constexpr char kHelp[] =
    "    -o subdir=DIR          put this directory in front of all paths (required)\n"
    "    -o [no]rellinks        make absolute symbolic links into DIR relative ones (off)\n";

struct Options {
  char* directory;
  int relative_links;
  int help;
};

constexpr fuse_opt kTable[] = {{"-h", offsetof(Options, help), 1},
                               {"--help", offsetof(Options, help), 1},
                               {"subdir=%s", offsetof(Options, directory), 0},
                               {"rellinks", offsetof(Options, relative_links), 1},
                               {"norellinks", offsetof(Options, relative_links), 0},
                               FUSE_OPT_END};

class Subdir : public PathModule {
 public:
  // `base` without a slash at its end; the root is the empty text.
  Subdir(fuse_fs* next, std::string base, bool relative_links)
      : PathModule(next), base_(std::move(base)), relative_links_(relative_links) {}

  int path_below(const char* path, std::string* below) override {
    const std::string rest = path;
    // No directory but the root of all is called by a name with a slash at its end.
    *below = rest == "/" && !base_.empty() ? base_ : base_ + rest;
    return 0;
  }

  int link_above(const char* path, std::string* text) override {
    if (!relative_links_ || text->empty() || text->front() != '/') return 0;
    if (!base_.empty() && base_.front() != '/') return 0;
    if (text->compare(0, base_.size(), base_) != 0) return 0;
    std::string rest = text->substr(base_.size());
    if (!rest.empty() && rest.front() != '/') return 0;  // "/dir2" is not in "/dir"
    rest.erase(0, rest.find_first_not_of('/'));

    std::string relative;
    for (const char* c = path + 1; *c != '\0'; ++c) {
      if (*c == '/') relative += "../";
    }
    relative += rest;
    *text = relative.empty() ? "." : relative;
    return 0;
  }

 private:
  std::string base_;
  bool relative_links_;
};

}  // namespace

fuse_fs* make_subdir(fuse_args* args, fuse_fs* next[]) {
  Options options{};
  const int parsed = opt_parse(args, &options, kTable, nullptr);
  const std::unique_ptr<char, decltype(&std::free)> directory(options.directory, std::free);
  if (parsed != 0) return nullptr;
  if (options.help != 0) {
    std::fputs(kHelp, stdout);
    return nullptr;
  }
  if (next == nullptr || next[0] == nullptr || next[1] != nullptr) {
    log_error("fuse: subdir is put on exactly one filesystem");
    return nullptr;
  }
  if (!directory || *directory == '\0') {
    log_error("fuse: the module subdir needs the option subdir=DIR");
    return nullptr;
  }
  std::string base = directory.get();
  while (!base.empty() && base.back() == '/') base.pop_back();
  return new_path_layer(new Subdir(next[0], std::move(base), options.relative_links != 0));
}

}  // namespace fuse3
