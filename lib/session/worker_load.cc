#include "session/worker_load.h"

#include <poll.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>

namespace fuse3 {
namespace {

constexpr uint32_t kMeasuredEvery = 8;
constexpr uint32_t kSlow = 60'000;            // ns; several times what waking a thread costs
constexpr uint64_t kJudgedEvery = 1'000'000;  // ns
constexpr uint64_t kLongest = 1'000'000'000;  // ns; longer ones count as this long

uint64_t now(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(time.tv_nsec);
}

// How often the calling thread gave up the processor because it had to wait for something.
long times_slept() {
  rusage usage;
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

void update_mean(uint32_t& mean, uint64_t value) {
  const auto next = static_cast<int64_t>(std::min(value, kLongest));
  mean = static_cast<uint32_t>(mean + (next - static_cast<int64_t>(mean)) / 8);
}

}  // namespace

uint32_t WorkerLoad::index(wire::Opcode opcode) {
  return std::min(static_cast<uint32_t>(opcode), wire::kLastOpcode);
}

bool WorkerLoad::begin(wire::Opcode opcode) {
  Kind& kind = kinds_[index(opcode)];
  if (kind.unmeasured > 0) {
    --kind.unmeasured;
    return false;
  }
  started_ = now(CLOCK_MONOTONIC);
  // Whether it sleeps is asked for only where that costs nothing in comparison.
  if (kind.took > kSlow) {
    sleeps_ = times_slept();
  } else {
    kind.unmeasured = kMeasuredEvery - 1;
  }
  return true;
}

void WorkerLoad::end(wire::Opcode opcode) {
  Kind& kind = kinds_[index(opcode)];
  const uint64_t took = now(CLOCK_MONOTONIC) - started_;
  if (kind.unmeasured == 0) update_mean(kind.blocked, times_slept() > sleeps_ ? took : 0);
  update_mean(kind.took, took);
  if (kind.took > kSlow) kind.unmeasured = 0;
}

bool WorkerLoad::blocks(wire::Opcode opcode) const {
  return kinds_[index(opcode)].blocked > kSlow;
}

bool WorkerLoad::saturated() {
  const uint64_t passed = started_ - judged_at_;
  if (passed < kJudgedEvery) return false;
  const uint64_t ran = now(CLOCK_THREAD_CPUTIME_ID);
  const uint64_t share = ran - ran_until_then_;
  judged_at_ = started_;
  ran_until_then_ = ran;
  if (share < passed - passed / 8) return false;
  pollfd more{device_, POLLIN, 0};
  return ::poll(&more, 1, 0) == 1;
}

}  // namespace fuse3
