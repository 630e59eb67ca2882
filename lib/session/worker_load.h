// What a worker of a pool measures of its own work, to know when it needs help. Measuring costs
// more than many an operation, so of each kind only one in a few is measured, and all that are
// slow.
#pragma once

#include <cstdint>

#include "wire/opcode.h"

namespace fuse3 {

class WorkerLoad {
 public:
  explicit WorkerLoad(int device) : device_(device) {}

  // An operation of this kind starts; whether it is one to measure, which end() then has to learn
  // of.
  bool begin(wire::Opcode opcode);
  void end(wire::Opcode opcode);

  // Operations of this kind sleep for long, as far as is known.
  bool blocks(wire::Opcode opcode) const;

  // Since it was asked last (a while ago; it is false in between) the worker has had its processor
  // nearly all the time and still finds requests waiting, so it does not keep up. One that did not
  // have its processor shares it with its own clients, and a second worker would only take more.
  // To be asked after a begin() that was true.
  bool saturated();

 private:
  static constexpr uint32_t kKinds = wire::kLastOpcode + 1;

  // Means in ns, for each operation; the second is known of slow ones only.
  struct Kind {
    uint32_t took = 0;
    uint32_t blocked = 0;
    uint32_t unmeasured = 0;  // runs until the next that is measured
  };

  static uint32_t index(wire::Opcode opcode);

  const int device_;
  uint64_t started_ = 0;  // ns
  long sleeps_ = 0;
  uint64_t judged_at_ = 0;
  uint64_t ran_until_then_ = 0;
  Kind kinds_[kKinds];
};

}  // namespace fuse3
