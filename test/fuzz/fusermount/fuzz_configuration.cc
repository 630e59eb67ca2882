// The input is a fuse.conf.
#include <cstdint>
#include <string>

#include "configuration.h"
#include "quiet.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fuse3::fusermount;
  make_messages_only();
  const std::string text(data, data + size);
  const Configuration configuration = parse_configuration(text);
  // Whatever stands above it, a line of its own is understood.
  const Configuration more = parse_configuration(text + "\nmount_max = 7\nuser_allow_other\n");
  expect(more.user_allow_other && more.mount_max == 7U);
  // And nothing is allowed that is not spelled out.
  expect(!configuration.user_allow_other || text.find("user_allow_other") != std::string::npos);
  expect(configuration.mount_max == 1000U || text.find("mount_max") != std::string::npos);
  return 0;
}
