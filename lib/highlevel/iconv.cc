// The module iconv: names in another character set
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>

#include "highlevel/modules.h"
#include "highlevel/path_module.h"
#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

constexpr char kHelp[] =
    "    -o from_code=CHARSET   character set of the filesystem's names (UTF-8)\n"
    "    -o to_code=CHARSET     character set of the names to be shown (%s)\n";

struct Options {
  char* from_code;
  char* to_code;
  int help;
};

constexpr fuse_opt kTable[] = {{"-h", offsetof(Options, help), 1},
                               {"--help", offsetof(Options, help), 1},
                               {"from_code=%s", offsetof(Options, from_code), 0},
                               {"to_code=%s", offsetof(Options, to_code), 0},
                               FUSE_OPT_END};

// The character set that the environment asks for.
std::string charset_of_locale() {
  locale_t locale = ::newlocale(LC_CTYPE_MASK, "", nullptr);
  if (locale == nullptr) return "ANSI_X3.4-1968";
  std::string charset = ::nl_langinfo_l(CODESET, locale);
  ::freelocale(locale);
  return charset;
}

// One direction. A conversion has a state, so one thread at a time uses it.
class Conversion {
 public:
  Conversion(const char* to, const char* from) : handle_(::iconv_open(to, from)) {}
  ~Conversion() {
    if (valid()) ::iconv_close(handle_);
  }
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;

  bool valid() const { return handle_ != std::bit_cast<iconv_t>(intptr_t{-1}); }

  // 0, or -EILSEQ for a name that one of the character sets does not have.
  int run(std::string* text) {
    std::lock_guard guard(lock_);
    ::iconv(handle_, nullptr, nullptr, nullptr, nullptr);
    std::string result(text->size() + 16, '\0');
    char* in = text->data();
    size_t in_left = text->size();
    size_t done = 0;
    bool flushing = false;
    while (true) {
      char* out = result.data() + done;
      size_t out_left = result.size() - done;
      const size_t status = flushing ? ::iconv(handle_, nullptr, nullptr, &out, &out_left)
                                     : ::iconv(handle_, &in, &in_left, &out, &out_left);
      done = result.size() - out_left;
      if (status != static_cast<size_t>(-1)) {
        if (flushing) break;
        flushing = true;
      } else if (errno == E2BIG) {
        result.resize(result.size() * 2);
      } else {
        return -EILSEQ;
      }
    }
    result.resize(done);
    // The kernel and the filesystem both end a name at a zero.
    if (result.find('\0') != std::string::npos) return -EILSEQ;
    *text = std::move(result);
    return 0;
  }

 private:
  iconv_t handle_;
  std::mutex lock_;
};

class Iconv : public PathModule {
 public:
  Iconv(fuse_fs* next, const char* below, const char* above)
      : PathModule(next), down_(below, above), up_(above, below) {}

  // What iconv(3) does not know, and what would change the slashes of a path, cannot be used.
  bool usable() {
    std::string path = "/a";
    return down_.valid() && up_.valid() && down_.run(&path) == 0 && path == "/a" &&
           up_.run(&path) == 0 && path == "/a";
  }

  int path_below(const char* path, std::string* below) override {
    *below = path;
    return down_.run(below);
  }
  int link_above(const char*, std::string* text) override { return up_.run(text); }
  int link_below(std::string* text) override { return down_.run(text); }
  int name_above(std::string* name) override { return up_.run(name); }

 private:
  Conversion down_;
  Conversion up_;
};

}  // namespace

fuse_fs* make_iconv(fuse_args* args, fuse_fs* next[]) {
  using Text = std::unique_ptr<char, decltype(&std::free)>;
  Options options{};
  const int parsed = opt_parse(args, &options, kTable, nullptr);
  const Text from(options.from_code, std::free);
  const Text to(options.to_code, std::free);
  if (parsed != 0) return nullptr;
  const std::string charset = charset_of_locale();
  if (options.help != 0) {
    std::printf(kHelp, charset.c_str());
    return nullptr;
  }
  if (next == nullptr || next[0] == nullptr || next[1] != nullptr) {
    log_error("fuse: iconv is put on exactly one filesystem");
    return nullptr;
  }
  const char* below = from ? from.get() : "UTF-8";
  const char* above = to ? to.get() : charset.c_str();
  auto module = std::make_unique<Iconv>(next[0], below, above);
  if (!module->usable()) {
    log_error("fuse: names cannot be converted between `%s' and `%s'", below, above);
    return nullptr;
  }
  return new_path_layer(module.release());
}

}  // namespace fuse3
