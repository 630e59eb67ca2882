// Every golden packet, whole and cut at every length, from the device and from the ring.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <set>

#include "../../fuzz/wire/touch.h"
#include "golden.h"

namespace fuse3::wire::test {
namespace {

// The first `size` bytes in a block of exactly that size, so that a sanitizer sees one more.
class Cut {
 public:
  Cut(std::span<const std::byte> whole, size_t size) : block_(new std::byte[size]), size_(size) {
    if (size != 0) std::memcpy(block_.get(), whole.data(), size);
  }
  std::span<std::byte> span() { return {block_.get(), size_}; }
  void put_len(uint32_t len) { std::memcpy(block_.get(), &len, sizeof(len)); }

 private:
  std::unique_ptr<std::byte[]> block_;
  size_t size_;
};

TEST(WireGolden, EveryOpcodeIsThere) {
  std::set<Opcode> seen;
  for (const GoldenRequest& golden : golden_requests()) {
    std::vector<std::byte> bytes = golden.bytes();
    seen.insert(Message::parse(bytes)->opcode());
  }
  for (uint32_t number = 1; number <= kLastOpcode; ++number) {
    auto opcode = static_cast<Opcode>(number);
    if (std::string_view(opcode_name(opcode)) == "UNKNOWN") continue;
    EXPECT_EQ(seen.count(opcode), 1u) << opcode_name(opcode);
  }
  EXPECT_EQ(seen.count(Opcode::cuse_init), 1u);
}

TEST(WireGolden, WholeIsDecoded) {
  for (const GoldenRequest& golden : golden_requests()) {
    SCOPED_TRACE(golden.name);
    std::vector<std::byte> bytes = golden.bytes();
    auto message = Message::parse(bytes);
    ASSERT_TRUE(message.ok());
    EXPECT_TRUE(touch(*message, golden.negotiated()).ok);
  }
}

TEST(WireGolden, CutWithoutTheHeaderKnowing) {
  for (const GoldenRequest& golden : golden_requests()) {
    SCOPED_TRACE(golden.name);
    std::vector<std::byte> bytes = golden.bytes();
    for (size_t size = 0; size < bytes.size(); ++size) {
      Cut cut(bytes, size);
      EXPECT_EQ(Message::parse(cut.span()).error(), EPROTO) << size;
    }
    bytes.push_back(std::byte{0});
    EXPECT_EQ(Message::parse(bytes).error(), EPROTO);
  }
}

TEST(WireGolden, CutWithTheHeaderSayingSo) {
  for (const GoldenRequest& golden : golden_requests()) {
    SCOPED_TRACE(golden.name);
    std::vector<std::byte> bytes = golden.bytes();
    for (size_t size = sizeof(InHeader); size < bytes.size(); ++size) {
      Cut cut(bytes, size);
      cut.put_len(static_cast<uint32_t>(size));
      auto message = Message::parse(cut.span());
      // Where there are extensions, the end of what is left counts as theirs.
      bool extended = Message::parse(bytes)->header().total_extlen != 0;
      if (!extended) {
        ASSERT_TRUE(message.ok());
        EXPECT_EQ(touch(*message, golden.negotiated()).ok, size >= golden.required) << size;
      } else if (message.ok()) {
        touch(*message, golden.negotiated());
      }
    }
  }
}

TEST(WireGolden, CountsBeyondTheEnd) {
  // Offsets behind the header of a 32-bit count or size that the body must hold up to.
  struct Field {
    const char* name;
    size_t offset;
  };
  constexpr Field kFields[] = {{"write", 16},        {"write_empty", 16}, {"ioctl", 24},
                               {"setxattr", 0},      {"setxattr_ext", 0}, {"batch_forget", 0},
                               {"notify_reply", 16}, {"removemapping", 0}};
  for (const Field& field : kFields) {
    SCOPED_TRACE(field.name);
    const GoldenRequest& golden = golden_request(field.name);
    std::vector<std::byte> bytes = golden.bytes();
    std::byte* at = bytes.data() + sizeof(InHeader) + field.offset;
    uint32_t right = 0;
    std::memcpy(&right, at, sizeof(right));
    for (uint32_t wrong : {right + 1, 0x10000000u, 0x7fffffffu, 0xffffffffu}) {
      std::memcpy(at, &wrong, sizeof(wrong));
      EXPECT_FALSE(touch(*Message::parse(bytes), golden.negotiated()).ok) << wrong;
    }
  }
}

TEST(WireGolden, RingGivesTheSame) {
  for (const GoldenRequest& golden : golden_requests()) {
    SCOPED_TRACE(golden.name);
    std::vector<std::byte> bytes = golden.bytes();
    auto flat = Message::parse(bytes);
    Touched expected = touch(*flat, golden.negotiated());
    std::span<const std::byte> body = std::span(bytes).subspan(sizeof(InHeader));
    // The kernel's op header has always the same size; what is behind the request's own is noise.
    std::vector<std::byte> op_header(kUringOpHeaderSize, std::byte{0x5a});
    if (golden.fixed != 0) std::memcpy(op_header.data(), body.data(), golden.fixed);
    Cut payload(body.subspan(golden.fixed), body.size() - golden.fixed);
    auto ring = Message::from_ring(flat->header(), op_header, payload.span());
    ASSERT_TRUE(ring.ok());
    Touched got = touch(*ring, golden.negotiated());
    EXPECT_TRUE(got.ok);
    EXPECT_EQ(got.sum, expected.sum);
    std::vector<std::byte> copy(bytes.size());
    auto copied = ring->copy_to(copy);
    ASSERT_TRUE(copied.ok());
    EXPECT_EQ(*copied, bytes.size());
    EXPECT_EQ(copy, bytes);
    EXPECT_EQ(ring->copy_to(std::span(copy).first(copy.size() - 1)).error(), ENOBUFS);
  }
}

TEST(WireGolden, RingCut) {
  for (const GoldenRequest& golden : golden_requests()) {
    SCOPED_TRACE(golden.name);
    std::vector<std::byte> bytes = golden.bytes();
    InHeader header = Message::parse(bytes)->header();
    std::span<const std::byte> body = std::span(bytes).subspan(sizeof(InHeader));
    size_t rest = body.size() - golden.fixed;
    for (size_t size = 0; size < rest; ++size) {
      // The payload lost its end and the header says so.
      header.len = static_cast<uint32_t>(sizeof(InHeader) + golden.fixed + size);
      Cut op_header(body, golden.fixed);
      Cut payload(body.subspan(golden.fixed), size);
      auto message = Message::from_ring(header, op_header.span(), payload.span());
      if (header.total_extlen == 0) {
        ASSERT_TRUE(message.ok());
        EXPECT_EQ(touch(*message, golden.negotiated()).ok, header.len >= golden.required) << size;
      } else if (message.ok()) {
        touch(*message, golden.negotiated());
      }
      // Or does not: then it would have to be in the op header, which has no room for it.
      header.len = static_cast<uint32_t>(bytes.size());
      EXPECT_EQ(Message::from_ring(header, op_header.span(), payload.span()).error(), EPROTO);
    }
  }
}

TEST(WireGolden, IdsInside) {
  struct Expected {
    const char* name;
    unsigned nodes;
    unsigned handles;
  };
  constexpr Expected kExpected[] = {
      {"lookup", 0, 0},          {"getattr", 0, 0},
      {"getattr_fh", 0, 1},      {"setattr", 0, 1},
      {"setattr_mode", 0, 0},    {"rename", 1, 0},
      {"rename2", 1, 0},         {"link", 1, 0},
      {"create", 0, 0},          {"read", 0, 1},
      {"readdirplus", 0, 1},     {"write", 0, 1},
      {"flush", 0, 1},           {"release", 0, 1},
      {"releasedir", 0, 1},      {"fsync", 0, 1},
      {"fsyncdir", 0, 1},        {"getlk", 0, 1},
      {"setlk", 0, 1},           {"setlkw", 0, 1},
      {"ioctl", 0, 1},           {"poll", 0, 1},
      {"fallocate", 0, 1},       {"lseek", 0, 1},
      {"copy_file_range", 1, 2}, {"copy_file_range_64", 1, 2},
      {"setupmapping", 0, 1},    {"setupmapping_no_fh", 0, 0},
      {"statx", 0, 1},           {"statx_no_fh", 0, 0},
      {"batch_forget", 0, 0},    {"interrupt", 0, 0},
      {"notify_reply", 0, 0},
  };
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.name);
    Packet packet(expected.name);
    Touched touched = touch(packet.message, packet.negotiated);
    EXPECT_EQ(touched.nodes, expected.nodes);
    EXPECT_EQ(touched.handles, expected.handles);
  }
}

TEST(WireGolden, IdsAreRewrittenInPlace) {
  struct Shift {
    void node(NodeId& id) { ++id.value; }
    void handle(HandleId& id) { id.value += 2; }
  };
  auto args = *Packet("copy_file_range").as<CopyFileRange>();
  args.visit_ids(Shift{});
  EXPECT_EQ(args.node_out.value, kNode2.value + 1);
  EXPECT_EQ(args.handle_in.value, kHandle.value + 2);
  EXPECT_EQ(args.handle_out.value, kHandle2.value + 2);
}

TEST(WireMessage, ExtensionsLongerThanTheBody) {
  std::vector<std::byte> bytes = golden_request("mkdir_extended").bytes();
  InHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  size_t most = (bytes.size() - sizeof(header)) / 8;
  for (uint16_t units : {static_cast<uint16_t>(most + 1), uint16_t{0xffff}}) {
    header.total_extlen = units;
    std::memcpy(bytes.data(), &header, sizeof(header));
    EXPECT_EQ(Message::parse(bytes).error(), EPROTO);
  }
}

TEST(WireMessage, ExtensionSizesThatLie) {
  for (uint32_t size : {0u, 7u, 25u, 0xffffffffu}) {
    std::byte bytes[24] = {};
    std::memcpy(bytes, &size, sizeof(size));
    ExtensionWalker walker(bytes);
    EXPECT_FALSE(walker.next().has_value());
    EXPECT_FALSE(walker.next().has_value());
  }
}

TEST(WireMessage, ResentRequestKeepsItsBit) {
  std::vector<std::byte> bytes = golden_request("lookup").bytes();
  bytes[15] |= std::byte{0x80};
  auto message = Message::parse(bytes);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->unique().value, kUnique.value | kResentBit);
  EXPECT_EQ(without_resent_bit(message->unique()), kUnique);
}

}  // namespace
}  // namespace fuse3::wire::test
