// fuse-reattach: what an administrator asks of mounts with reconnect, and tells them to do.
#include <CLI/CLI.hpp>
#include <iostream>

#include "ending.h"
#include "failure.h"
#include "mounts.h"
#include "show.h"
#include "upgrade.h"

namespace {

using namespace fuse3::reattach;

constexpr size_t kDefaultRows = 100;

struct Arguments {
  std::string directory;  // --dir
  std::string mountpoint;
  bool json = false;
  bool lazy = false;
  size_t rows = kDefaultRows;
  std::vector<std::string> command;  // of upgrade
  unsigned start_within = 30;        // likewise, in seconds
};

void inspect(const Report& report, size_t rows) {
  if (!report.view) {
    throw Failure(
        report.keeper ? Exit::kNoAnswer : Exit::kNoReconnect,
        report.problem.empty() ? report.mountpoint + " has no state any more" : report.problem);
  }
  std::cout << inspection(report, rows);
}

CLI::App* command(CLI::App* app, const char* name, const char* help, Arguments* arguments) {
  CLI::App* made = app->add_subcommand(name, help);
  made->add_option("MOUNTPOINT", arguments->mountpoint, "where the filesystem is mounted")
      ->required();
  return made;
}

// What each command does is its callback; Failure comes out of parse().
void describe(CLI::App* app, Arguments* arguments) {
  const auto keepers = [arguments] { return find_keepers(arguments->directory); };
  const auto target = [arguments, keepers] {
    return report_on_target(arguments->mountpoint, keepers());
  };
  app->add_option("--dir", arguments->directory,
                  "a runtime directory (reattach_dir) to look into besides those of the keepers "
                  "that run")
      ->type_name("DIR");
  app->require_subcommand(1);

  app->add_subcommand("list", "your mounts with reconnect; as root, everybody's")->callback([=] {
    std::cout << as_table(all_reports(keepers()));
  });

  CLI::App* status = command(app, "status", "state and figures of a mount", arguments);
  status->add_flag("--json", arguments->json, "as a JSON object");
  status->callback([=] {
    const Report report = target();
    std::cout << (arguments->json ? as_json(report) : as_text(report));
  });

  CLI::App* look =
      command(app, "inspect", "requests in hand, open files, locks and nodes", arguments);
  look->add_option("--rows", arguments->rows, "how many files, locks and nodes to show")
      ->capture_default_str();
  look->callback([=] { inspect(target(), arguments->rows); });

  CLI::App* change =
      command(app, "upgrade", "have another program take the server's place", arguments);
  change->add_option("COMMAND", arguments->command,
                     "after --: the new program and its arguments; without it, the same command");
  change
      ->add_option("--start-within", arguments->start_within,
                   "seconds until the new one must serve")
      ->capture_default_str()
      ->check(CLI::Range(1, 3600));
  change->callback([=] {
    std::cout << upgrade(arguments->mountpoint, keepers(), arguments->command,
                         arguments->start_within);
  });

  CLI::App* end = command(app, "stop", "unmount; server and keeper end", arguments);
  end->add_flag("-z,--lazy", arguments->lazy, "also while it is in use, and do not wait");
  end->callback([=] { stop(target(), arguments->lazy); });

  command(app, "abort", "end the connection: whoever uses the mount gets errors", arguments)
      ->callback([=] { fuse3::reattach::abort(target()); });

  app->add_subcommand("metrics", "figures of all your mounts in Prometheus's text format")
      ->callback([=] { std::cout << as_metrics(all_reports(keepers())); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows and directs FUSE mounts that outlive their servers (-o reattach).",
               "fuse-reattach");
  app.set_version_flag("--version", "fuse-reattach " FUSE3_VERSION);
  Arguments arguments;
  describe(&app, &arguments);
  try {
    app.parse(argc, argv);
    std::cout.flush();
    return std::cout ? 0 : static_cast<int>(Exit::kFailed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::kUsage);
  } catch (const Failure& failure) {
    std::cerr << "fuse-reattach: " << failure.what() << '\n';
    return static_cast<int>(failure.status());
  }
}
