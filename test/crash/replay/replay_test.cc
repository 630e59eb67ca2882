// Every operation of the protocol, with a server that dies at each place where it can: before and
// after it calls the filesystem, after each change that makes, before and after its reply; and with
// a successor that dies as well. What applications are answered and what the disk contains has to
// be what it is without any death.
//
//   replay_test [--high-level] [--attached | --asked] [--single] [--mutants] [--spoil] [NAME-PART]
//
// --attached: successors get no devices of their predecessors, but what the kernel sends again.
// --asked: successors ask the kernel to send again what it waits for; and differences between that
// and the slots (asked.h).
// --spoil: instead, every byte of a state is spoiled (damaged.h). FUSE_TEST_LONG=1 spoils all of
// them, else it is some, by FUSE_TEST_SEED.
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>

#include "asked.h"
#include "damaged.h"
#include "lowlevel/rows.h"
#include "play.h"
#include "reconnect/seam/guard.h"
#include "session/row.h"

namespace fuse3::reconnect {
namespace {

constexpr unsigned kSecondsToLive = 500;
constexpr size_t kSpoilStep = 211;

struct GuardName {
  Guard guard;
  const char* name;
};
#define FUSE3_NAME(guard) \
  { Guard::guard, #guard }
constexpr GuardName kGuards[] = {
    FUSE3_NAME(made_exists),
    FUSE3_NAME(made_is_as_asked),
    FUSE3_NAME(made_was_not_known),
    FUSE3_NAME(symlink_target),
    FUSE3_NAME(linked_looks),
    FUSE3_NAME(removed_is_gone),
    FUSE3_NAME(renamed_is_there),
    FUSE3_NAME(exchange_before),
    FUSE3_NAME(exchange_looks),
    FUSE3_NAME(noreplace_source),
    FUSE3_NAME(renames_first),
    FUSE3_NAME(append_size),
    FUSE3_NAME(append_before),
    FUSE3_NAME(shift_size),
    FUSE3_NAME(xattr_before),
    FUSE3_NAME(xattr_exists),
    FUSE3_NAME(xattr_gone),
    FUSE3_NAME(ioctl_policy),
    FUSE3_NAME(one_way_stored),
    FUSE3_NAME(one_way_once),
    FUSE3_NAME(stored_reply),
    FUSE3_NAME(hide_told_before),
    FUSE3_NAME(lock_stored),
    FUSE3_NAME(lock_taken_again),
    FUSE3_NAME(lock_superseded),
    FUSE3_NAME(lock_gone_by_flush),
    FUSE3_NAME(lock_gone_by_close),
    FUSE3_NAME(poller_noted),
    FUSE3_NAME(poller_woken),
    FUSE3_NAME(interrupt_kept),
    FUSE3_NAME(interrupt_settled),
    FUSE3_NAME(backing_same),
    FUSE3_NAME(stream_noted),
    FUSE3_NAME(stream_read_on),
    FUSE3_NAME(hide_once),
    FUSE3_NAME(hidden_removed),
    FUSE3_NAME(hidden_told),
    FUSE3_NAME(lent_noted),
    FUSE3_NAME(lock_other_names),
    FUSE3_NAME(lock_lost),
    FUSE3_NAME(backing_kept),
    FUSE3_NAME(backing_swept),
    FUSE3_NAME(poison),
    FUSE3_NAME(resend_known),
    FUSE3_NAME(resend_unknown),
    FUSE3_NAME(resend_order),
    FUSE3_NAME(resend_unsent),
    FUSE3_NAME(resend_held),
    FUSE3_NAME(resend_again),
};
#undef FUSE3_NAME
static_assert(std::size(kGuards) + 1 == static_cast<size_t>(Guard::last));

struct Outcome {
  std::vector<std::string> notes;
  std::string disk;
  std::vector<std::string> problems;
  int stops = 0, later_stops = 0;
  std::string died_at;
};

struct Totals {
  uint64_t scenarios = 0, points = 0, differences = 0;
  std::set<wire::Opcode> opcodes;
};

struct Run {
  Interface interface = Interface::low_level;
  Passing passing = Passing::handed;
  bool pairs = true;
  bool quiet = false;
};

Outcome play(const Scenario& scenario, const Run& run, Deaths deaths,
             std::set<wire::Opcode>* opcodes) {
  World world(run.interface, run.passing, scenario.options);
  Play play(world);
  play.connect();
  scenario.prepare(play);
  play.begin(deaths);
  scenario.act(play);
  Outcome outcome;
  outcome.notes = play.notes();
  outcome.stops = world.stops();
  outcome.later_stops = world.later_stops();
  outcome.died_at = world.died_at();
  play.end();
  outcome.disk = world.disk.picture();
  outcome.problems = world.problems();
  if (opcodes != nullptr) opcodes->insert(play.sent().begin(), play.sent().end());
  return outcome;
}

std::string lines(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += "    " + text + "\n";
  return all;
}

// "" or what is different.
std::string difference(const Scenario& scenario, const Outcome& expected, const Outcome& seen) {
  const bool given_up = scenario.may_answer != nullptr && !seen.notes.empty() &&
                        seen.notes.front() == scenario.may_answer;
  if (!given_up && seen.notes != expected.notes) {
    return "answered\n" + lines(seen.notes) + "  and not\n" + lines(expected.notes);
  }
  if (!given_up && seen.disk != expected.disk) {
    return "left\n" + seen.disk + "  and not\n" + expected.disk;
  }
  for (const std::string& problem : seen.problems) {
    if (!given_up || problem.find("poisoned") == std::string::npos) return problem + "\n";
  }
  return {};
}

// Whether no difference was found.
bool judge(const Scenario& scenario, const Run& run, const Outcome& expected, Deaths deaths,
           Totals* totals, Outcome* seen) {
  *seen = play(scenario, run, deaths, nullptr);
  ++totals->points;
  const std::string wrong = difference(scenario, expected, *seen);
  if (wrong.empty()) return true;
  ++totals->differences;
  if (!run.quiet) {
    std::printf("DIFFERENCE: %s: died at stop %d, %d (%s):\n  %s", scenario.name, deaths.first,
                deaths.second, seen->died_at.c_str(), wrong.c_str());
  }
  return false;
}

void every_death(const Scenario& scenario, const Run& run, Totals* totals) {
  const uint64_t before = totals->points;
  const Outcome expected = play(scenario, run, {}, &totals->opcodes);
  ++totals->scenarios;
  if (!expected.problems.empty()) {
    ++totals->differences;
    if (!run.quiet)
      std::printf("DIFFERENCE: %s: without a death: %s\n", scenario.name,
                  lines(expected.problems).c_str());
    return;
  }
  bool sound = true;
  for (int first = 0; sound && first < expected.stops; ++first) {
    Outcome once;
    sound = judge(scenario, run, expected, {first, -1}, totals, &once);
    for (int second = 0; sound && run.pairs && second < once.later_stops; ++second) {
      Outcome twice;
      sound = judge(scenario, run, expected, {first, second}, totals, &twice);
    }
  }
  if (run.quiet) return;
  std::printf("%6llu deaths: %s\n", static_cast<unsigned long long>(totals->points - before),
              scenario.name);
}

std::vector<const Scenario*> chosen(const Run& run, const char* part) {
  std::vector<const Scenario*> list;
  for (const auto* group : {&name_scenarios(), &file_scenarios(), &shared_scenarios()}) {
    for (const Scenario& scenario : *group) {
      if (scenario.low_level_only && run.interface == Interface::high_level) continue;
      if (std::strstr(scenario.name, part) != nullptr) list.push_back(&scenario);
    }
  }
  return list;
}

// A row of the replay table that no scenario comes to is not tested.
bool all_opcodes_are_covered(const Totals& totals) {
  // The connection's own: the start and the end of a mount are test/crash/syscalls' (lifetimes.py);
  // what has no reply and no effect is not replayed.
  const std::set<wire::Opcode> elsewhere{wire::Opcode::init, wire::Opcode::destroy,
                                         wire::Opcode::interrupt, wire::Opcode::notify_reply};
  bool all = true;
  for (uint32_t number = 1; number <= wire::kLastOpcode; ++number) {
    const Row* row = find_row(static_cast<wire::Opcode>(number));
    if (row == nullptr || elsewhere.contains(row->opcode)) continue;
    if (totals.opcodes.contains(row->opcode)) continue;
    std::printf("NOT COVERED: %s\n", row->name);
    all = false;
  }
  return all;
}

bool missed_in(const Scenario& scenario, Interface interface, bool pairs) {
  Totals totals;
  every_death(scenario, {.interface = interface, .pairs = pairs, .quiet = true}, &totals);
  return totals.differences != 0;
}

// Each guard that is taken away has to be missed; some only when a successor dies, too.
const char* who_misses(const GuardName& guard) {
  removed_guard = guard.guard;
  std::string how;
  if (const char* by = wrong_when_asked(&how)) return by;
  for (const bool pairs : {false, true}) {
    for (const Interface interface : {Interface::low_level, Interface::high_level}) {
      for (const Scenario* scenario : chosen({.interface = interface}, "")) {
        if (missed_in(*scenario, interface, pairs)) return scenario->name;
      }
    }
  }
  return nullptr;
}

bool all_mutants_are_found() {
  bool all = true;
  for (const GuardName& guard : kGuards) {
    const char* by = who_misses(guard);
    std::printf("without %s: %s%s\n", guard.name, by != nullptr ? "noticed by " : "NOT NOTICED",
                by != nullptr ? by : "");
    all = all && by != nullptr;
  }
  removed_guard = Guard::none;
  return all;
}

bool all_differences_are_met() {
  std::string how;
  const char* name = wrong_when_asked(&how);
  if (name != nullptr) std::printf("DIFFERENCE: %s:\n%s", name, how.c_str());
  return name == nullptr;
}

int spoil(Interface interface) {
  const char* length = std::getenv("FUSE_TEST_LONG");
  const char* text = std::getenv("FUSE_TEST_SEED");
  const bool all = length != nullptr && std::strcmp(length, "1") == 0;
  const size_t step = all ? 1 : kSpoilStep;
  const size_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device{}();
  std::printf("FUSE_TEST_SEED=%zu\n", seed % step);
  ::alarm(0);
  return spoil_every_byte(interface, seed % step, step) == 0 ? 0 : 1;
}

int main_of(int argc, char** argv) {
  Run run;
  bool mutants = false, spoils = false;
  const char* part = "";
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--high-level") == 0) {
      run.interface = Interface::high_level;
    } else if (std::strcmp(argv[i], "--attached") == 0) {
      run.passing = Passing::attached;
    } else if (std::strcmp(argv[i], "--asked") == 0) {
      run.passing = Passing::asked;
    } else if (std::strcmp(argv[i], "--single") == 0) {
      run.pairs = false;
    } else if (std::strcmp(argv[i], "--mutants") == 0) {
      mutants = true;
    } else if (std::strcmp(argv[i], "--spoil") == 0) {
      spoils = true;
    } else {
      part = argv[i];
    }
  }
  ::alarm(kSecondsToLive);
  fuse_set_log_func([](fuse_log_level, const char*, va_list) {});
  if (spoils) return spoil(run.interface);
  if (mutants) return all_mutants_are_found() ? 0 : 1;
  Totals totals;
  for (const Scenario* scenario : chosen(run, part)) every_death(*scenario, run, &totals);
  const bool right = run.passing != Passing::asked || all_differences_are_met();
  std::printf("%llu scenarios, %llu crash points tried, %llu differences found\n",
              static_cast<unsigned long long>(totals.scenarios),
              static_cast<unsigned long long>(totals.points),
              static_cast<unsigned long long>(totals.differences));
  if (totals.points == 0) return 2;
  const bool covered =
      *part != '\0' || run.interface == Interface::high_level || all_opcodes_are_covered(totals);
  return totals.differences == 0 && covered && right ? 0 : 1;
}

}  // namespace
}  // namespace fuse3::reconnect

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return fuse3::reconnect::main_of(argc, argv);
}
