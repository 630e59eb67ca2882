#include "arguments.h"

#include <getopt.h>

#include <cerrno>
#include <string_view>

#include "support/log.h"

namespace fuse3::mount_helper {
namespace {

constexpr std::string_view kKinds[] = {"fuse", "fuse3", "fuseblk"};

Error refuse(const char* what, const std::string& word) {
  log_error("mount.fuse3: %s%s; \"mount.fuse3 -h\" tells how it is used\n", what, word.c_str());
  return Error{EINVAL};
}

// "fuse.TYPE" and its like; nothing for "fuse" alone.
std::string subtype_of(std::string_view name) {
  for (const std::string_view kind : kKinds) {
    if (name.starts_with(kind) && name.substr(kind.size(), 1) == ".") {
      return std::string(name.substr(kind.size() + 1));
    }
  }
  return {};
}

bool is_kind(std::string_view name) {
  for (const std::string_view kind : kKinds) {
    if (name == kind) return true;
  }
  return false;
}

std::string type_by_name(std::string_view program) {
  program = program.substr(program.rfind('/') + 1);
  constexpr std::string_view kPrefix = "mount.";
  return program.starts_with(kPrefix) ? subtype_of(program.substr(kPrefix.size())) : std::string();
}

Result<void> take_type(const std::string& name, Arguments* arguments) {
  const std::string subtype = subtype_of(name);
  if (subtype.empty() && !is_kind(name)) {
    return refuse("-t needs fuse.TYPE or fuseblk.TYPE, not ", name);
  }
  if (!subtype.empty()) arguments->type = subtype;
  return {};
}

Result<void> take_option(int letter, char** argv, Arguments* arguments) {
  switch (letter) {
    case 's':
    case 'n':
      // Options nobody knows are the filesystem's to judge, and no mtab is written anyway.
      return {};
    case 'f':
      arguments->fake = true;
      return {};
    case 'v':
      arguments->verbose = true;
      return {};
    case 't':
      return take_type(optarg, arguments);
    case 'o':
      if (!arguments->options.empty() && *optarg) arguments->options += ',';
      arguments->options += optarg;
      return {};
    case 'N':
      return refuse("cannot mount in another namespace: ", optarg);
    case ':':
      return refuse("a value is missing after -", std::string(1, static_cast<char>(optopt)));
    default:
      return refuse("unknown option ",
                    optopt ? std::string("-") + static_cast<char>(optopt) : argv[optind - 1]);
  }
}

// With the type known from elsewhere, the source is as it stands.
Result<void> take_source(const std::string& word, Arguments* arguments) {
  arguments->has_source = true;
  arguments->source = word;
  if (arguments->type.empty()) {
    const size_t hash = word.find('#');
    arguments->type = word.substr(0, hash);
    arguments->has_source = hash != std::string::npos;
    arguments->source = arguments->has_source ? word.substr(hash + 1) : "";
  }
  return arguments->type.empty() ? refuse("no filesystem type in ", word) : Result<void>();
}

}  // namespace

Result<Arguments> parse_arguments(int argc, char** argv) {
  constexpr option kLongOptions[] = {{"help", no_argument, nullptr, 'h'}, {nullptr, 0, nullptr, 0}};
  Arguments arguments;
  if (argc < 1) return refuse("there is no command line", "");
  arguments.type = type_by_name(argv[0]);
  // 0 makes glibc start anew; the messages are ours.
  optind = 0;
  opterr = 0;
  for (;;) {
    const int letter = getopt_long(argc, argv, ":sfnvht:o:N:", kLongOptions, nullptr);
    if (letter < 0) break;
    if (letter == 'h') {
      arguments.help = true;
      return arguments;
    }
    const Result<void> taken = take_option(letter, argv, &arguments);
    if (!taken) return taken.as_error();
  }
  if (argc - optind < 2) return refuse("source and mountpoint are needed", "");
  if (argc - optind > 2) return refuse("too much after the mountpoint: ", argv[optind + 2]);
  const Result<void> taken = take_source(argv[optind], &arguments);
  if (!taken) return taken.as_error();
  arguments.mountpoint = argv[optind + 1];
  if (arguments.mountpoint.empty()) return refuse("the mountpoint is empty", "");
  return arguments;
}

std::string usage() {
  return "usage: mount.fuse3 TYPE#[SOURCE] MOUNTPOINT [-sfnv] [-o OPTION[,OPTION...]]\n"
         "       mount.fuse3 SOURCE MOUNTPOINT -t fuse.TYPE [-sfnv] [-o OPTION[,OPTION...]]\n"
         "Runs the program TYPE to mount SOURCE; mount(8) calls it for types fuse.TYPE.\n"
         "\n"
         "    -f  do everything but mount\n"
         "    -v  tell what is run\n"
         "    -s, -n  accepted, nothing to do\n"
         "    -o setuid=USER      run the program as this user\n"
         "    -o drop_privileges  mount first, then run the program without any privilege\n"
         "All other options go to the program.\n";
}

std::vector<std::string> command_for(const Arguments& arguments, const std::string& mountpoint,
                                     const std::string& options) {
  std::vector<std::string> command = {arguments.type};
  if (arguments.has_source) command.push_back(arguments.source);
  command.push_back(mountpoint);
  if (!options.empty()) command.insert(command.end(), {"-o", options});
  return command;
}

}  // namespace fuse3::mount_helper
