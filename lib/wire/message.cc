#include "wire/message.h"

#include <cstring>

namespace fuse3::wire {

namespace {

constexpr size_t kExtensionUnit = 8;

}  // namespace

Result<Message> Message::parse(std::span<const std::byte> bytes) {
  return parse_split(bytes, 0);
}

Result<Message> Message::parse_split(std::span<const std::byte> bytes, size_t outside) {
  if (bytes.size() < sizeof(InHeader)) return Error{EPROTO};
  Message message;
  std::memcpy(&message.header_, bytes.data(), sizeof(InHeader));
  if (message.header_.len < bytes.size() || message.header_.len - bytes.size() != outside) {
    return Error{EPROTO};
  }
  std::span<const std::byte> body = bytes.subspan(sizeof(InHeader));
  size_t extension = message.header_.total_extlen * kExtensionUnit;
  // Extensions come last, so where data was left outside they would be there too.
  if (extension > body.size() || (extension != 0 && outside != 0)) return Error{EPROTO};
  message.body_ = body.first(body.size() - extension);
  message.extension_ = body.last(extension);
  message.outside_ = outside;
  return message;
}

Result<Message> Message::from_ring(const InHeader& header, std::span<const std::byte> op_header,
                                   std::span<const std::byte> payload) {
  size_t beside = sizeof(InHeader) + payload.size();
  if (header.len < beside || header.len - beside > op_header.size()) return Error{EPROTO};
  size_t extension = header.total_extlen * kExtensionUnit;
  if (extension > payload.size()) return Error{EPROTO};
  Message message;
  message.header_ = header;
  message.op_header_ = op_header.first(header.len - beside);
  message.body_ = payload.first(payload.size() - extension);
  message.extension_ = payload.last(extension);
  return message;
}

Result<size_t> Message::copy_to(std::span<std::byte> buffer) const {
  size_t total = sizeof(InHeader) + op_header_.size() + body_.size() + extension_.size();
  if (buffer.size() < total) return Error{ENOBUFS};
  std::byte* to = buffer.data();
  std::memcpy(to, &header_, sizeof(InHeader));
  to += sizeof(InHeader);
  for (std::span<const std::byte> part : {op_header_, body_, extension_}) {
    // An empty span may hold a null pointer, which memcpy must not be given.
    if (part.empty()) continue;
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  return total;
}

std::optional<ExtensionWalker::Extension> ExtensionWalker::next() {
  ExtHeader header;
  if (rest_.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, rest_.data(), sizeof(header));
  if (header.size < sizeof(header) || header.size > rest_.size()) {
    rest_ = {};
    return std::nullopt;
  }
  Extension extension{header.type, rest_.subspan(sizeof(header), header.size - sizeof(header))};
  rest_ = rest_.subspan(header.size);
  return extension;
}

}  // namespace fuse3::wire
