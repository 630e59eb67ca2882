#include "session/session_options.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "options/opt.h"
#include "support/log.h"

namespace fuse3 {
namespace {

constexpr const char* kAdministratorFile = "/etc/fuse.conf";

struct Raw {
  int debug;
  int reattach;  // -1: not said
  char* directory;
  unsigned timeout;
  char* ioctl;
  char* unlinked;
  char* holder;
  char* notify;
  char* resend;
};

const fuse_opt kOptions[] = {{"-d", offsetof(Raw, debug), 1},
                             {"debug", offsetof(Raw, debug), 1},
                             {"reattach", offsetof(Raw, reattach), 1},
                             {"no_reattach", offsetof(Raw, reattach), 0},
                             {"reattach_dir=%s", offsetof(Raw, directory), 0},
                             {"reattach_timeout=%u", offsetof(Raw, timeout), 0},
                             {"reattach_ioctl=%s", offsetof(Raw, ioctl), 0},
                             {"reattach_unlinked=%s", offsetof(Raw, unlinked), 0},
                             {"reattach_holder=%s", offsetof(Raw, holder), 0},
                             {"reattach_notify=%s", offsetof(Raw, notify), 0},
                             {"reattach_resend=%s", offsetof(Raw, resend), 0},
                             FUSE_OPT_END};

// One of the words of an enumeration, in its order. EINVAL after a message.
template <class Choice, size_t N>
Result<void> parse_word(const char* option, char* given, const char* const (&words)[N],
                        Choice* choice) {
  const std::unique_ptr<char, void (*)(void*)> word(given, std::free);
  if (!word) return {};
  std::string all;
  for (size_t i = 0; i < N; ++i) {
    if (std::strcmp(given, words[i]) == 0) {
      *choice = static_cast<Choice>(i);
      return {};
    }
    all += std::string(i == 0 ? "" : i + 1 == N ? " or " : ", ") + words[i];
  }
  log_error("fuse: %s=%s: it must be %s", option, given, all.c_str());
  return Error{EINVAL};
}

bool environment_wants_reattach(bool* said) {
  const char* value = std::getenv("FUSE_REATTACH");
  *said = value != nullptr && *value != '\0';
  return *said && std::strcmp(value, "0") != 0;
}

bool administrator_wants_reattach() {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(kAdministratorFile, "re"), std::fclose);
  if (!file) return false;
  char line[256];
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    line[std::strcspn(line, "#\n")] = '\0';
    char word[16] = "";
    char more = '\0';
    if (std::sscanf(line, " %15s %c", word, &more) == 1 && std::strcmp(word, "reattach") == 0) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<SessionOptions> parse_session_options(fuse_args* args) {
  SessionOptions options;
  Raw raw{0, -1, nullptr, options.reattach_timeout, nullptr, nullptr, nullptr, nullptr, nullptr};
  const int parsed = opt_parse(args, &raw, kOptions, nullptr);
  if (raw.directory != nullptr) options.reattach_dir = raw.directory;
  std::free(raw.directory);
  const Result<void> words[] = {
      parse_word("reattach_ioctl", raw.ioctl, {"rerun", "eintr"}, &options.reattach_ioctl),
      parse_word("reattach_unlinked", raw.unlinked, {"stale", "hide"}, &options.reattach_unlinked),
      parse_word("reattach_holder", raw.holder, {"auto", "keeper", "systemd", "kernel"},
                 &options.reattach_holder),
      parse_word("reattach_notify", raw.notify, {"no", "yes"}, &options.reattach_notify),
      parse_word("reattach_resend", raw.resend, {"no", "yes"}, &options.reattach_resend),
  };
  for (const auto& word : words) {
    if (!word) return Error{EINVAL};
  }
  if (parsed != 0) return Error{EINVAL};
  options.debug = raw.debug != 0;
  options.reattach_timeout = raw.timeout;
  if (raw.timeout == 0) {
    log_error("fuse: reattach_timeout must be at least 1 second");
    return Error{EINVAL};
  }
  if (raw.reattach >= 0) {
    options.reattach = raw.reattach != 0;
    return options;
  }
  bool said = false;
  options.reattach = environment_wants_reattach(&said);
  if (!said) options.reattach = administrator_wants_reattach();
  return options;
}

}  // namespace fuse3
