// Whether one worker of a pool reads or all of them do, found by trying.
//
// One warm reader answers one client fastest, and many clients of cheap operations too. But where
// each of two clients has a processor, or callers queue for something of their own, it can be
// several times faster if clients come to share processors with workers, which needs all workers to
// wait in the device. Which is the case depends on the clients, the kernel's scheduler and the
// machine. So while several clients keep the pool busy the other way is tried for a moment now and
// then, and the one that answers more is kept; the more seldom the longer nothing changes.
//
// Clients outside of the pid namespace of whoever mounted have no number, and are taken for one.
#pragma once

#include <cstdint>

namespace fuse3 {

enum class Reading : uint32_t {
  one,  // a worker that comes back while another one reads parks itself
  all,  // it reads again
};

class ReadingMode {
 public:
  // `answered` requests in the last `elapsed` ns, from more than one client or not; how the workers
  // are to read from here on. Moments in which nothing was answered say nothing.
  Reading judge(uint64_t elapsed, uint64_t answered, bool several_clients);

 private:
  struct Pace {
    uint64_t ns = 0;
    uint64_t answered = 0;

    // By so much that chance is unlikely to be all of it.
    bool clearly_above(const Pace& other) const;
    // By so much that something else is going on.
    bool much_below(const Pace& other) const;
    void add(uint64_t elapsed, uint64_t more);
  };
  enum class Phase { settled, changing, trying };
  // How often trials are made at most and at least: ns of traffic between two.
  static constexpr uint64_t kOften = 32'000'000;
  static constexpr uint64_t kSeldom = 4'000'000'000;

  Reading in_use() const;
  void follow(uint64_t elapsed, uint64_t answered);
  void end_trial();

  Phase phase_ = Phase::settled;
  Reading best_ = Reading::one;  // for several clients
  Pace best_pace_;               // of late
  Pace expected_;                // at the end of the last trial
  Pace trial_;
  uint64_t since_trial_ = 0;  // ns of traffic
  uint64_t interval_ = kOften;
  uint64_t alone_ = kSeldom;  // ns for which no more than one client was seen
};

}  // namespace fuse3
