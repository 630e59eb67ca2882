// Requests no kernel sends: nothing may crash, hang, or be read that is not there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "../../fuzz/session/torture.h"
#include "session/session_corpus_dir.h"
#include "world.h"

namespace fuse3::test {
namespace {

using wire::Opcode;

unsigned seed() {
  const char* given = std::getenv("FUSE3_TEST_SEED");
  return given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
}

std::vector<Bytes> corpus() {
  std::vector<Bytes> inputs;
  for (const auto& file : std::filesystem::directory_iterator(SESSION_CORPUS_DIR)) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    Bytes bytes;
    append(bytes, text.data(), text.size());
    inputs.push_back(bytes);
  }
  return inputs;
}

TEST(SessionMalformed, TheCorpus) {
  const std::vector<Bytes> inputs = corpus();
  ASSERT_LT(10u, inputs.size());
  for (const Bytes& input : inputs) torture(input);
}

TEST(SessionMalformed, TheCorpusTorn) {
  for (Bytes input : corpus()) {
    for (; !input.empty(); input.pop_back()) torture(input);
  }
}

TEST(SessionMalformed, TheCorpusMutated) {
  const unsigned number = seed();
  SCOPED_TRACE("FUSE3_TEST_SEED=" + std::to_string(number));
  std::mt19937 random(number);
  const std::vector<Bytes> inputs = corpus();
  for (int i = 0; i < 3000; ++i) {
    Bytes input = inputs[random() % inputs.size()];
    for (unsigned changes = 1 + random() % 8; changes > 0; --changes) {
      input[random() % input.size()] = static_cast<std::byte>(random());
    }
    torture(input);
  }
}

// Through a loop's own receiving, small and large.
TEST(SessionMalformed, RandomBytesThroughALoop) {
  Watchdog watchdog;
  LogCapture log;
  const unsigned number = seed();
  SCOPED_TRACE("FUSE3_TEST_SEED=" + std::to_string(number));
  std::mt19937 random(number);
  World world({.init = {},
               .destroy = {},
               .lookup = [](fuse_req_t req, auto...) { fuse_reply_err(req, 0); },
               .write_buf = [](fuse_req_t req, fuse_ino_t, fuse_bufvec* data,
                               auto...) { fuse_reply_write(req, fuse_buf_size(data)); }},
              {.splices = true});
  world.serve_with(3);
  world.init();
  for (int i = 0; i < 500; ++i) {
    // Never destroyed, so that every packet finds a session that serves.
    Bytes packet(sizeof(wire::InHeader) + (i % 3 == 0 ? 70000 : 0) + random() % 200);
    for (std::byte& byte : packet) byte = static_cast<std::byte>(random());
    const auto length = static_cast<uint32_t>(packet.size() - (random() % 8 == 0 ? 1 : 0));
    const uint32_t header[] = {length, static_cast<uint32_t>(random() % 54)};
    if (header[1] == static_cast<uint32_t>(Opcode::destroy)) continue;
    std::memcpy(packet.data(), header, sizeof header);
    world.kernel.submit_raw(packet);
  }
  EXPECT_EQ(0, world.call(Opcode::lookup, 1, body("name")).error);
  EXPECT_EQ(0, world.end());
  world.forgiven = world.kernel.violations();  // replies to requests that were never made
}

}  // namespace
}  // namespace fuse3::test
