// A state that somebody spoiled: opening it refuses with a sentence, or what follows works. It
// never crashes and never hangs. The seed is printed and taken from FUSE3_TEST_SEED.
#include <sys/wait.h>

#include <cstdlib>
#include <random>

#include "damage.h"
#include "sandbox.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr unsigned kSecondsToLive = 120;

uint64_t seed() {
  const char* text = std::getenv("FUSE3_TEST_SEED");
  const uint64_t seed = text ? std::strtoull(text, nullptr, 0) : std::random_device{}();
  std::printf("FUSE3_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

void drop_log(fuse_log_level, const char*, va_list) {}

class Damage : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_function(drop_log);
    ::alarm(kSecondsToLive);
    sample_ = sample_state();
    ASSERT_FALSE(sample_.empty());
  }
  void TearDown() override {
    ::alarm(0);
    set_log_function(nullptr);
  }

  std::vector<std::byte> sample_;
};

TEST_F(Damage, AnyBytes) {
  std::mt19937_64 random(seed());
  uint64_t used = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::byte> bytes = sample_;
    for (uint64_t n = 1 + random() % 64; n > 0; --n) {
      // Not the texts: a change there is refused for the checksum, and teaches nothing.
      const size_t at = random() % 16 == 0
                            ? random() % sizeof(Fixed)
                            : sizeof(Fixed) + random() % (bytes.size() - sizeof(Fixed));
      bytes[at] = static_cast<std::byte>(random());
    }
    used += open_and_use(bytes);
  }
  EXPECT_GT(used, 100u);
}

// Words, where words are: indices and counts that are nearly right do the most harm.
TEST_F(Damage, AnyWords) {
  std::mt19937_64 random(seed());
  uint64_t used = 0;
  for (int round = 0; round < 6000; ++round) {
    std::vector<std::byte> bytes = sample_;
    for (uint64_t n = 1 + random() % 12; n > 0; --n) {
      const size_t at = interesting_word(bytes, random());
      const uint32_t value = random() % 8 == 0 ? static_cast<uint32_t>(random())
                                               : static_cast<uint32_t>(random() % 80);
      std::memcpy(&bytes[at], &value, sizeof value);
    }
    used += open_and_use(bytes);
  }
  EXPECT_GT(used, 1000u);
}

TEST_F(Damage, AnyLength) {
  std::mt19937_64 random(seed());
  for (int round = 0; round < 500; ++round) {
    std::vector<std::byte> bytes = sample_;
    bytes.resize(random() % (2 * bytes.size()));
    if (bytes.size() != sample_.size()) {
      EXPECT_EQ(open_and_use(bytes), 0);
    }
  }
}

TEST_F(Damage, WildJournal) {
  std::mt19937_64 random(seed());
  uint64_t used = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> bytes = sample_;
    add_journal(bytes, [&] { return random(); });
    used += open_and_use(bytes);
  }
  EXPECT_GT(used, 10u);
}

TEST_F(Damage, TheSampleItselfIsSound) {
  EXPECT_EQ(open_and_use(sample_), 1);
}

}  // namespace
}  // namespace fuse3::reconnect
