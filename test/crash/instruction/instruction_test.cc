// Lets a process die after every instruction of every operation on the state, and checks that what
// a successor recovers is the state before the operation or the state after it.
//
//   instruction_test [--expect-violation] [NAME-PART]
//
// With --expect-violation it succeeds when it finds one: that is how it is tested itself.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "scenarios.h"
#include "stepper.h"

namespace fuse3::reconnect {
namespace {

constexpr unsigned kSecondsToLive = 300;

struct Totals {
  uint64_t scenarios = 0, instructions = 0, crashes = 0, violations = 0;
};

// Pictures of memory that a successor was left with in the middle of a transaction.
std::vector<Image> torn;

// What the state means before the first step and after each.
std::vector<std::string> meanings(const Scenario& scenario) {
  World world = new_world();
  scenario.prepare(world);
  std::vector<std::string> list;
  std::string why;
  for (size_t i = 0;; ++i) {
    auto text = meaning(image_of(*world.state), &why);
    if (!text) {
      std::printf("FAILED: %s: without any crash: %s\n", scenario.name, why.c_str());
      return {};
    }
    list.push_back(*text);
    if (i == scenario.steps.size()) return list;
    scenario.steps[i](world);
  }
}

class Judge {
 public:
  Judge(const Scenario& scenario, std::vector<std::string> allowed)
      : scenario_(scenario), allowed_(std::move(allowed)) {}

  // Time only goes forward: what was done once stays done.
  bool accept(const Image& image) {
    std::string why;
    const auto text = meaning(image, &why);
    if (!text) return refuse(why);
    for (size_t i = at_; i < allowed_.size(); ++i) {
      if (allowed_[i] == *text) {
        at_ = i;
        return true;
      }
    }
    return refuse("neither done nor not done:\n" + *text + "before it was:\n" + allowed_[at_]);
  }
  bool at_end() const { return allowed_[at_] == allowed_.back(); }

 private:
  bool refuse(const std::string& why) {
    std::printf("VIOLATION: %s: %s\n", scenario_.name, why.c_str());
    return false;
  }

  const Scenario& scenario_;
  std::vector<std::string> allowed_;
  size_t at_ = 0;
};

uint32_t journal_count(const Image& image, uint64_t slot_offset) {
  uint32_t count;
  std::memcpy(&count, image.data() + slot_offset + offsetof(SlotHeader, journal_count),
              sizeof count);
  return count;
}

void run(const Scenario& scenario, Totals* totals) {
  std::vector<std::string> allowed = meanings(scenario);
  if (allowed.empty()) {
    ++totals->violations;
    return;
  }
  World world = new_world();
  scenario.prepare(world);
  Mapping& mapping = world.state->mapping();
  Judge judge(scenario, std::move(allowed));
  std::vector<Image> published;
  const auto body = [&] {
    for (const auto& step : scenario.steps) step(world);
  };
  bool sound = true;
  const Steps steps = single_step({mapping.base(), mapping.size()}, body, [&](const Image& image) {
    if (journal_count(image, mapping.slot_offset(0)) != 0) published.push_back(image);
    return sound = judge.accept(image);
  });
  if (!published.empty()) torn.push_back(published[published.size() / 2]);
  ++totals->scenarios;
  totals->instructions += steps.instructions;
  totals->crashes += steps.changes;
  if (sound && (!steps.finished || !judge.at_end())) {
    std::printf("VIOLATION: %s: it was not done at the end\n", scenario.name);
    sound = false;
  }
  if (!sound) ++totals->violations;
  std::printf("%6llu crashes in %7llu instructions: %s\n",
              static_cast<unsigned long long>(steps.changes),
              static_cast<unsigned long long>(steps.instructions), scenario.name);
}

// A successor may die as well, while it recovers.
void run_recoveries(Totals* totals) {
  const std::vector<Image> images = std::move(torn);
  for (const Image& image : images) {
    const Scenario scenario{
        "recovery from the middle of a transaction",
        [&](World& w) {
          std::string why;
          w.state = state_from(image, &why);
        },
        {[](World& w) { (void)w.state->claim(w.state->generation(), 0x3ffffff2); },
         [](World& w) { (void)w.state->recover(); }}};
    run(scenario, totals);
  }
}

int main_of(int argc, char** argv) {
  bool expect_violation = false;
  const char* part = "";
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--expect-violation") == 0) {
      expect_violation = true;
    } else {
      part = argv[i];
    }
  }
  ::alarm(kSecondsToLive);
  Totals totals;
  for (const Scenario& scenario : scenarios()) {
    if (std::strstr(scenario.name, part)) run(scenario, &totals);
  }
  if (!expect_violation) run_recoveries(&totals);
  std::printf("%llu operations, %llu instructions, %llu crash points, %llu violations\n",
              static_cast<unsigned long long>(totals.scenarios),
              static_cast<unsigned long long>(totals.instructions),
              static_cast<unsigned long long>(totals.crashes),
              static_cast<unsigned long long>(totals.violations));
  if (totals.scenarios == 0 || totals.crashes == 0) return 2;
  return (totals.violations != 0) == expect_violation ? 0 : 1;
}

}  // namespace
}  // namespace fuse3::reconnect

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return fuse3::reconnect::main_of(argc, argv);
}
