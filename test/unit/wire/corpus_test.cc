// Replays what the fuzzer has kept, so that what it once found stays found without it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "../../fuzz/wire/touch.h"
#include "wire/corpus_dir.h"

namespace fuse3::wire::test {
namespace {

TEST(WireCorpus, Replay) {
  size_t inputs = 0;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(WIRE_CORPUS_DIR, error)) {
    SCOPED_TRACE(file.path().string());
    std::ifstream stream(file.path(), std::ios::binary);
    std::string input((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    fuzz_one(std::as_bytes(std::span(input)));
    ++inputs;
  }
  EXPECT_FALSE(error) << error.message();
  EXPECT_GT(inputs, 0u);
}

}  // namespace
}  // namespace fuse3::wire::test
