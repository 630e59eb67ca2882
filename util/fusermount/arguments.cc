#include "arguments.h"

#include <getopt.h>

#include <cerrno>
#include <climits>

#include "mount/mountinfo.h"
#include "support/log.h"

namespace fuse3::fusermount {
namespace {

enum LongOnly { kSocket = 256 };

constexpr option kLongOptions[] = {
    {"unmount", no_argument, nullptr, 'u'},
    {"lazy", no_argument, nullptr, 'z'},
    {"quiet", no_argument, nullptr, 'q'},
    {"options", required_argument, nullptr, 'o'},
    {"auto-unmount", no_argument, nullptr, 'U'},
    {"comm-fd", required_argument, nullptr, kSocket},
    {"help", no_argument, nullptr, 'h'},
    {"version", no_argument, nullptr, 'V'},
    {nullptr, 0, nullptr, 0},
};

Error refuse(const char* what, const std::string& word) {
  log_error("fusermount3: %s%s; \"fusermount3 -h\" tells what there is\n", what, word.c_str());
  return Error{EINVAL};
}

// What getopt stumbled over: a letter, or the long word it has just gone past.
std::string culprit(char** argv) {
  if (optopt == kSocket) return "--comm-fd";
  if (optopt != 0) return std::string("-") + static_cast<char>(optopt);
  return argv[optind - 1];
}

Result<void> take_socket(const char* text, Arguments* arguments) {
  const std::optional<unsigned> number = to_number(text);
  if (!number || *number > INT_MAX) return refuse("--comm-fd needs a descriptor, not ", text);
  arguments->socket = static_cast<int>(*number);
  return {};
}

Result<void> take_option(int letter, char** argv, Arguments* arguments) {
  switch (letter) {
    case 'u':
      arguments->task = Task::kUnmount;
      return {};
    case 'U':
      arguments->task = Task::kWatch;
      return {};
    case 'z':
      arguments->lazy = true;
      return {};
    case 'q':
      arguments->quiet = true;
      return {};
    case 'o':
      if (!arguments->options.empty() && *optarg) arguments->options += ',';
      arguments->options += optarg;
      return {};
    case kSocket:
      return take_socket(optarg, arguments);
    case ':':
      return refuse("a value is missing after ", culprit(argv));
    default:
      return refuse("unknown option ", culprit(argv));
  }
}

}  // namespace

Result<Arguments> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  if (argc < 1) return refuse("there is no command line", "");
  // 0 makes glibc start anew; the messages are ours.
  optind = 0;
  opterr = 0;
  for (;;) {
    const int letter = getopt_long(argc, argv, ":hVo:uUzq", kLongOptions, nullptr);
    if (letter < 0) break;
    if (letter == 'h' || letter == 'V') {
      arguments.task = letter == 'h' ? Task::kHelp : Task::kVersion;
      return arguments;
    }
    const Result<void> taken = take_option(letter, argv, &arguments);
    if (!taken) return taken.as_error();
  }
  if (optind >= argc) return refuse("the mountpoint is missing", "");
  if (optind + 1 < argc) return refuse("too much after the mountpoint: ", argv[optind + 1]);
  arguments.mountpoint = argv[optind];
  if (arguments.mountpoint.empty()) return refuse("the mountpoint is empty", "");
  if (arguments.lazy && arguments.task != Task::kUnmount) return refuse("-z needs -u", "");
  return arguments;
}

std::string usage() {
  return "usage: fusermount3 [-o OPTION[,OPTION...]] MOUNTPOINT\n"
         "       fusermount3 -u [-z] [-q] MOUNTPOINT\n"
         "Mounts a FUSE filesystem for the program that runs this, or unmounts one.\n"
         "\n"
         "    -u, --unmount       unmount\n"
         "    -z, --lazy          unmount now, clean up when nobody uses it any more\n"
         "    -q, --quiet         say nothing\n"
         "    -o, --options LIST  mount options\n"
         "    -U, --auto-unmount  only unmount when the socket closes; it is mounted already\n"
         "    --comm-fd N         the socket the device is sent to, instead of $_FUSE_COMMFD\n"
         "    -h, --help          this text\n"
         "    -V, --version       the version\n";
}

}  // namespace fuse3::fusermount
