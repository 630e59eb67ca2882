// How often which latency was seen, in a fixed amount of memory.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

// Each value is known to about 0.4 %: there are 256 buckets for each power of two.
class Histogram {
 public:
  void Add(uint64_t value) { ++counts_[BucketOf(value)]; }

  void Add(const Histogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) {
      counts_[i] += other.counts_[i];
    }
  }

  double Percentile(double percent) const {
    uint64_t total = 0;
    for (const uint64_t count : counts_) {
      total += count;
    }
    const double rank = static_cast<double>(total) * percent / 100;
    double before = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      const auto count = static_cast<double>(counts_[i]);
      if (count > 0 && before + count >= rank) {
        const double low = LowEnd(i);
        return low + (LowEnd(i + 1) - low) * (rank - before) / count;
      }
      before += count;
    }
    return 0;
  }

 private:
  static constexpr int kShift = 8;
  static constexpr uint64_t kPerOctave = uint64_t{1} << kShift;

  static size_t BucketOf(uint64_t value) {
    const int scale = std::max(0, static_cast<int>(std::bit_width(value)) - kShift - 1);
    return static_cast<size_t>(scale) * kPerOctave + (value >> scale);
  }
  static double LowEnd(size_t bucket) {
    if (bucket < 2 * kPerOctave) {
      return static_cast<double>(bucket);
    }
    const size_t scale = bucket / kPerOctave - 1;
    return static_cast<double>((bucket - scale * kPerOctave) << scale);
  }

  std::array<uint64_t, 40 * kPerOctave> counts_{};
};
