// The libFuzzer target: build with clang and -Dfuzz=true, run on a copy of corpus/.
#include <cstddef>
#include <cstdint>
#include <span>

#include "touch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuse3::wire::test::fuzz_one(std::as_bytes(std::span(data, size)));
  return 0;
}
