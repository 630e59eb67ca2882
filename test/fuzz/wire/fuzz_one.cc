#include <cstdlib>
#include <cstring>
#include <memory>

#include "touch.h"
#include "wire/reply.h"

namespace fuse3::wire::test {

namespace {

// A copy of exactly the right size, so that one byte too far is seen.
class Exact {
 public:
  explicit Exact(std::span<const std::byte> from)
      : bytes_(new std::byte[from.size()]), size_(from.size()) {
    if (size_ != 0) std::memcpy(bytes_.get(), from.data(), size_);
  }
  std::span<std::byte> span() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  size_t size_;
};

void require(bool truth) {
  if (!truth) std::abort();
}

void put_len(std::span<std::byte> packet) {
  if (packet.size() < sizeof(uint32_t)) return;
  auto len = static_cast<uint32_t>(packet.size());
  std::memcpy(packet.data(), &len, sizeof(len));
}

// The same bytes as every kind of request there is, in one piece and with the end left outside.
void fuzz_request(std::span<const std::byte> packet, const Negotiated& negotiated) {
  if (auto as_is = Message::parse(packet)) touch(*as_is, negotiated);
  if (packet.size() < sizeof(InHeader)) return;
  Exact copy(packet);
  put_len(copy.span());
  for (uint32_t opcode = 0; opcode <= kLastOpcode + 1; ++opcode) {
    uint32_t number = opcode > kLastOpcode ? static_cast<uint32_t>(Opcode::cuse_init) : opcode;
    std::memcpy(copy.span().data() + offsetof(InHeader, opcode), &number, sizeof(number));
    auto whole = Message::parse(copy.span());
    if (!whole) return;
    touch(*whole, negotiated);
    Exact flat(copy.span());
    auto copied = whole->copy_to(flat.span());
    require(copied.ok() && *copied == packet.size());
    require(std::memcmp(flat.span().data(), copy.span().data(), packet.size()) == 0);
    size_t here = sizeof(InHeader) + (packet.size() - sizeof(InHeader)) / 2;
    Exact head(copy.span().first(here));
    if (auto split = Message::parse_split(head.span(), packet.size() - here)) {
      touch(*split, negotiated);
    }
  }
}

void fuzz_ring(std::span<const std::byte> packet, size_t fixed, const Negotiated& negotiated) {
  InHeader header;
  if (packet.size() < sizeof(header)) return;
  std::memcpy(&header, packet.data(), sizeof(header));
  packet = packet.subspan(sizeof(header));
  if (fixed > packet.size()) fixed = packet.size();
  Exact op_header(packet.first(fixed));
  Exact payload(packet.subspan(fixed));
  if (auto message = Message::from_ring(header, op_header.span(), payload.span())) {
    touch(*message, negotiated);
  }
}

void fuzz_reply(std::span<const std::byte> packet, Opcode opcode, uint32_t minor) {
  Exact copy(packet);
  put_len(copy.span());
  std::span<std::byte> reply = copy.span();
  if (auto entry = reply_entry(opcode, reply, minor)) {
    require(set_reply_entry(opcode, reply, minor, *entry).ok());
  }
  if (auto open = reply_open(opcode, reply, minor)) {
    require(set_reply_open(opcode, reply, minor, *open).ok());
  }
  auto payload = reply_payload(reply);
  if (!payload) return;
  size_t walked = 0;
  DirentplusWalker walker(*payload);
  for (; walker.valid(); walker.next()) {
    EntryOut entry = walker.entry();
    for (char c : walker.name()) entry.nodeid += static_cast<uint64_t>(c);
    walker.set_entry(entry);
    require(walker.position() == walked);
    walked += walker.size();
  }
  require(walker.malformed() || walked == payload->size());
}

}  // namespace

void fuzz_one(std::span<const std::byte> input) {
  constexpr size_t kPrefix = 4;
  if (input.size() < kPrefix) return;
  auto kind = static_cast<unsigned>(input[0]) % 3;
  auto fourth = static_cast<uint8_t>(input[3]);
  Negotiated negotiated;
  negotiated.minor = static_cast<uint8_t>(input[1]);
  if (input[2] != std::byte{0}) negotiated.flags = init_flag::setxattr_ext;
  Exact exact(input.subspan(kPrefix));
  if (kind == 0) fuzz_request(exact.span(), negotiated);
  if (kind == 1) fuzz_ring(exact.span(), fourth, negotiated);
  if (kind == 2) fuzz_reply(exact.span(), static_cast<Opcode>(fourth), negotiated.minor);
}

}  // namespace fuse3::wire::test
