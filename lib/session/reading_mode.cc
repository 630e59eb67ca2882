#include "session/reading_mode.h"

#include <algorithm>

namespace fuse3 {
namespace {

// All in ns. The scheduler moves the threads to where they stay in the first.
constexpr uint64_t kChanging = 6'000'000;
constexpr uint64_t kMeasured = 16'000'000;
// A trial that goes as badly as this is over earlier.
constexpr uint64_t kMeasuredAtLeast = 4'000'000;
// Clients take turns on a processor; one of several may be seen alone for that long.
constexpr uint64_t kAlone = 32'000'000;
constexpr uint64_t kFewest = 64;  // requests, to judge by
constexpr uint64_t kLessOften = 4;

}  // namespace

bool ReadingMode::Pace::clearly_above(const Pace& other) const {
  return answered * other.ns > (other.answered + other.answered / 8) * ns;
}

bool ReadingMode::Pace::much_below(const Pace& other) const {
  return answered * other.ns < (other.answered - other.answered / 3) * ns;
}

// Older moments count less and less.
void ReadingMode::Pace::add(uint64_t elapsed, uint64_t more) {
  if (ns >= kMeasured) {
    ns /= 2;
    answered /= 2;
  }
  ns += elapsed;
  answered += more;
}

Reading ReadingMode::in_use() const {
  if (phase_ == Phase::settled) return best_;
  return best_ == Reading::one ? Reading::all : Reading::one;
}

Reading ReadingMode::judge(uint64_t elapsed, uint64_t answered, bool several_clients) {
  alone_ = several_clients ? 0 : std::min(alone_ + elapsed, kSeldom);
  if (alone_ > kAlone) {
    phase_ = Phase::settled;
    best_pace_ = {};
    since_trial_ = 0;
    return Reading::one;
  }
  if (answered > 0) follow(elapsed, answered);
  return in_use();
}

void ReadingMode::follow(uint64_t elapsed, uint64_t answered) {
  switch (phase_) {
    case Phase::settled:
      best_pace_.add(elapsed, answered);
      since_trial_ += elapsed;
      if (since_trial_ >= kOften && best_pace_.much_below(expected_)) interval_ = kOften;
      if (since_trial_ >= interval_ && best_pace_.answered >= kFewest) {
        phase_ = Phase::changing;
        trial_ = {};
      }
      return;
    case Phase::changing:
      trial_.ns += elapsed;
      if (trial_.ns >= kChanging) {
        phase_ = Phase::trying;
        trial_ = {};
      }
      return;
    case Phase::trying:
      trial_.ns += elapsed;
      trial_.answered += answered;
      if (trial_.ns >= kMeasured ||
          (trial_.ns >= kMeasuredAtLeast && best_pace_.clearly_above(trial_))) {
        end_trial();
      }
      return;
  }
}

void ReadingMode::end_trial() {
  if (trial_.clearly_above(best_pace_)) {
    best_ = in_use();
    expected_ = trial_;
    interval_ = kOften;
  } else {
    expected_ = best_pace_;
    interval_ = std::min(interval_ * kLessOften, kSeldom);
  }
  best_pace_ = {};
  phase_ = Phase::settled;
  since_trial_ = 0;
}

}  // namespace fuse3
