// Looking into finished replies: what they grant, and putting other ids in its place.
#include <cstring>
#include <optional>

#include "wire/reply.h"

namespace fuse3::wire {

namespace {

bool has_entry(Opcode opcode) {
  switch (opcode) {
    case Opcode::lookup:
    case Opcode::symlink:
    case Opcode::mknod:
    case Opcode::mkdir:
    case Opcode::link:
    case Opcode::create:
    case Opcode::tmpfile:
      return true;
    default:
      return false;
  }
}

// Where the OpenOut begins behind the OutHeader.
std::optional<size_t> open_position(Opcode opcode, uint32_t minor) {
  switch (opcode) {
    case Opcode::open:
    case Opcode::opendir:
      return 0;
    case Opcode::create:
    case Opcode::tmpfile:
      return entry_out_size(minor);
    default:
      return std::nullopt;
  }
}

// Checks that `size` bytes at `position` of the payload are there to be used.
Result<void> check_part(std::span<const std::byte> reply, size_t position, size_t size) {
  Result<OutHeader> header = reply_header(reply);
  if (!header) return header.as_error();
  if (header->error != 0) return Error{ENODATA};
  if (reply.size() - sizeof(OutHeader) < position + size) return Error{EPROTO};
  return {};
}

}  // namespace

Result<OutHeader> reply_header(std::span<const std::byte> reply) {
  if (reply.size() < sizeof(OutHeader)) return Error{EPROTO};
  OutHeader header;
  std::memcpy(&header, reply.data(), sizeof(header));
  if (header.len != reply.size()) return Error{EPROTO};
  return header;
}

Result<EntryOut> reply_entry(Opcode opcode, std::span<const std::byte> reply, uint32_t minor) {
  if (!has_entry(opcode)) return Error{ENODATA};
  size_t size = entry_out_size(minor);
  if (auto there = check_part(reply, 0, size); !there) return there.as_error();
  EntryOut entry{};
  std::memcpy(&entry, reply.data() + sizeof(OutHeader), size);
  return entry;
}

Result<OpenOut> reply_open(Opcode opcode, std::span<const std::byte> reply, uint32_t minor) {
  std::optional<size_t> position = open_position(opcode, minor);
  if (!position) return Error{ENODATA};
  OpenOut open;
  if (auto there = check_part(reply, *position, sizeof(open)); !there) return there.as_error();
  std::memcpy(&open, reply.data() + sizeof(OutHeader) + *position, sizeof(open));
  return open;
}

Result<void> set_reply_entry(Opcode opcode, std::span<std::byte> reply, uint32_t minor,
                             const EntryOut& entry) {
  if (!has_entry(opcode)) return Error{ENODATA};
  size_t size = entry_out_size(minor);
  if (auto there = check_part(reply, 0, size); !there) return there;
  std::memcpy(reply.data() + sizeof(OutHeader), &entry, size);
  return {};
}

Result<void> set_reply_open(Opcode opcode, std::span<std::byte> reply, uint32_t minor,
                            const OpenOut& open) {
  std::optional<size_t> position = open_position(opcode, minor);
  if (!position) return Error{ENODATA};
  if (auto there = check_part(reply, *position, sizeof(open)); !there) return there;
  std::memcpy(reply.data() + sizeof(OutHeader) + *position, &open, sizeof(open));
  return {};
}

Result<std::span<std::byte>> reply_payload(std::span<std::byte> reply) {
  Result<OutHeader> header = reply_header(reply);
  if (!header) return header.as_error();
  if (header->error != 0) return Error{ENODATA};
  return reply.subspan(sizeof(OutHeader));
}

size_t put_create(std::span<std::byte> buffer, const EntryOut& entry, const OpenOut& open,
                  uint32_t minor) {
  size_t entry_size = entry_out_size(minor);
  if (buffer.size() < entry_size + sizeof(open)) return 0;
  std::memcpy(buffer.data(), &entry, entry_size);
  std::memcpy(buffer.data() + entry_size, &open, sizeof(open));
  return entry_size + sizeof(open);
}

}  // namespace fuse3::wire
