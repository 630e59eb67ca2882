// When to start the server again, and when to stop trying.
//
// An outage begins when a server ends and lasts until a successor has said that it is serving. The
// first start of an outage is made at once; each failed start within it makes the next one wait
// longer. Being killed says nothing about the program, so after that the pause is short and stays so:
// applications are waiting.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace fuse3::keeper {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

enum class EndKind {
  kKilled,      // or of unknown cause: says nothing about the program
  kFailed,      // it ended by itself right after its start
  kBackground,  // it ended well without having asked for the connection: perhaps its child will
};

class RestartPolicy {
 public:
  static constexpr unsigned kMostFailures = 12;
  static constexpr std::chrono::milliseconds kKilledPause{20};
  static constexpr std::chrono::milliseconds kFirstPause{50};
  static constexpr std::chrono::milliseconds kLongestPause{2000};
  static constexpr std::chrono::milliseconds kBackgroundPause{1000};
  // What ends later than this after its start is not a failed start.
  static constexpr std::chrono::milliseconds kQuick{1000};

  // No limit if it is 0.
  explicit RestartPolicy(std::chrono::seconds limit) : limit_(limit) {}

  void ended(Time now, EndKind kind) {
    if (!began_) began_ = now;
    next_start_ = now + pause_after(kind);
    if (kind == EndKind::kFailed) ++failures_;
    ++ends_;
  }

  void healthy() {
    began_.reset();
    ends_ = failures_ = 0;
  }

  bool in_outage() const { return began_.has_value(); }
  std::optional<Time> began() const { return began_; }
  Time next_start() const { return next_start_; }
  unsigned failures() const { return failures_; }

  // When the outage has lasted too long.
  std::optional<Time> deadline() const {
    if (!began_ || limit_.count() == 0) return std::nullopt;
    return *began_ + limit_;
  }
  bool too_many_failures() const { return failures_ >= kMostFailures; }
  bool too_late(Time now) const {
    std::optional<Time> end = deadline();
    return end && now >= *end;
  }

 private:
  std::chrono::milliseconds pause_after(EndKind kind) const {
    if (kind == EndKind::kBackground) return kBackgroundPause;
    if (ends_ == 0) return std::chrono::milliseconds{0};
    if (kind == EndKind::kKilled) return kKilledPause;
    return std::min(kFirstPause * (1 << std::min(std::max(failures_, 1u) - 1, 10u)), kLongestPause);
  }

  std::chrono::seconds limit_;
  std::optional<Time> began_;
  Time next_start_{};
  unsigned ends_ = 0;
  unsigned failures_ = 0;
};

}  // namespace fuse3::keeper
