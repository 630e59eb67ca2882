#include "golden.h"

#include <cstdio>
#include <cstdlib>

namespace fuse3::wire::test {

namespace {

#include "golden_packets.inc"

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

[[noreturn]] void no_such_packet(std::string_view name) {
  std::fprintf(stderr, "no golden packet %.*s\n", static_cast<int>(name.size()), name.data());
  std::abort();
}

}  // namespace

std::vector<std::byte> GoldenRequest::bytes() const {
  return from_hex(hex);
}

std::span<const GoldenRequest> golden_requests() {
  return kGoldenRequests;
}

const GoldenRequest& golden_request(std::string_view name) {
  for (const GoldenRequest& request : kGoldenRequests) {
    if (request.name == name) return request;
  }
  no_such_packet(name);
}

std::vector<std::byte> golden_reply(std::string_view name) {
  for (const GoldenReply& reply : kGoldenReplies) {
    if (reply.name == name) return from_hex(reply.hex);
  }
  no_such_packet(name);
}

}  // namespace fuse3::wire::test
