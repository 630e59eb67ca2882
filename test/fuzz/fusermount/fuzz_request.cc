// The input is what stands after -o; its first byte says who asks and what is allowed.
#include <algorithm>
#include <cstdint>
#include <string>

#include "quiet.h"
#include "request.h"

namespace {

using namespace fuse3::fusermount;

// The options the kernel sees in its data: it parts them at commas outside of quotes.
size_t count_options(const std::string& data) {
  size_t count = 1;
  bool quoted = false;
  for (const char c : data) {
    if (c == '"') quoted = !quoted;
    if (c == ',' && !quoted) ++count;
  }
  expect(!quoted);
  return count;
}

bool is_printable(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

void check(const Request& request, bool root, bool may_allow_other) {
  if (!root) {
    expect((request.flags & fuse3::kDefaultFlags) == fuse3::kDefaultFlags);
    expect(!request.blkdev && !request.block_size && request.security.empty());
    expect(may_allow_other || !request.allow_other);
  }
  const std::string data = request.data(3, 040000, 1000, 1000);
  const std::string own = "fd=3,rootmode=40000,user_id=1000,group_id=1000";
  expect(data.compare(0, own.size(), own) == 0 && data.size() < 4096);
  const size_t wanted = 4 + request.allow_other + request.default_permissions +
                        request.max_read.has_value() + request.block_size.has_value() +
                        request.security.size();
  expect(count_options(data) == wanted);
  expect(!request.source().empty() && is_printable(request.source()));
  expect(is_printable(request.filesystem_type()) && request.filesystem_type().starts_with("fuse"));
  expect(request.source().size() < 4096 && request.filesystem_type().size() < 4096);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  make_messages_only();
  const bool root = data[0] & 1;
  Configuration configuration;
  configuration.user_allow_other = data[0] & 2;
  const std::string list(data + 1, data + size);
  const auto request = parse_request(list, root, configuration);
  if (request) check(*request, root, configuration.user_allow_other);
  return 0;
}
