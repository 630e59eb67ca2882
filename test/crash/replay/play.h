// What a scenario does: applications' calls, as the requests that the kernel makes of them.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "world.h"

namespace fuse3::reconnect {

class Play {
 public:
  explicit Play(World& world) : world_(world) {}

  // The connection's start, with a kernel that can do all that the tests are made for.
  void connect(uint64_t not_offered = 0);
  // From here on the server may die, and what is answered is noted down.
  void begin(Deaths deaths);
  // The kernel closes and forgets everything.
  void end();

  test::Answer call(wire::Opcode opcode, uint64_t node, const test::Bytes& body = {});
  // An answer that is waited for later.
  uint64_t send(wire::Opcode opcode, uint64_t node, const test::Bytes& body);
  test::Answer answer(wire::Opcode opcode, uint64_t unique);
  // Of which only what the scenario makes of it is noted down.
  test::Answer ask(wire::Opcode opcode, uint64_t node, const test::Bytes& body);
  // All entries of an open directory, by replies of so many bytes, whatever their order.
  void note_names(uint64_t node, uint64_t handle, uint32_t size);
  void note(const std::string& text) { notes_.push_back(text); }
  // What has no reply.
  void tell(wire::Opcode opcode, uint64_t node, const test::Bytes& body = {});

  // Looks a path up, name by name, once each; its node.
  uint64_t node(const std::string& path);
  uint64_t open(const std::string& path, uint32_t flags = 2, bool directory = false);

  Disk& disk() { return world_.disk; }
  World& world() { return world_; }
  const std::vector<std::string>& notes() const { return notes_; }
  const std::set<wire::Opcode>& sent() const { return sent_; }

 private:
  World& world_;
  bool begun_ = false;
  std::map<std::string, uint64_t> nodes_;
  std::vector<std::string> notes_;
  std::set<wire::Opcode> sent_;
};

struct Scenario {
  const char* name;
  std::function<void(Play&)> prepare;  // may open and look up; begin() follows
  std::function<void(Play&)> act;
  std::vector<const char*> options = {};
  // The answer of a call that a crash can end with an error, and must not leave half done.
  const char* may_answer = nullptr;
  bool low_level_only = false;
};

const std::vector<Scenario>& name_scenarios();
const std::vector<Scenario>& file_scenarios();
const std::vector<Scenario>& shared_scenarios();

}  // namespace fuse3::reconnect
