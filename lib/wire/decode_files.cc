// The rarer requests on open files: locks, holes, ranges, ioctl, poll, memory mappings.
#include <cassert>
#include <cstring>

#include "wire/reader.h"
#include "wire/request.h"

namespace fuse3::wire {

namespace {

template <class Args>
Result<Args> decode_lock(const Message& message) {
  if (message.opcode() != Args::opcode) return kMalformed;
  Reader reader(message);
  LkIn in;
  if (!reader.fixed(in)) return kMalformed;
  Args args;
  args.handle = HandleId{in.fh};
  args.owner = in.owner;
  args.start = in.lk.start;
  args.end = in.lk.end;
  args.type = in.lk.type;
  args.pid = in.lk.pid;
  args.lk_flags = in.lk_flags;
  return args;
}

}  // namespace

template <>
Result<Getlk> decode(const Message& message, const Negotiated&) {
  return decode_lock<Getlk>(message);
}

template <>
Result<Setlk> decode(const Message& message, const Negotiated&) {
  return decode_lock<Setlk>(message);
}

template <>
Result<Setlkw> decode(const Message& message, const Negotiated&) {
  return decode_lock<Setlkw>(message);
}

template <>
Result<Fallocate> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::fallocate) return kMalformed;
  Reader reader(message);
  FallocateIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Fallocate{
      .handle = HandleId{in.fh}, .offset = in.offset, .length = in.length, .mode = in.mode};
}

template <>
Result<Lseek> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::lseek) return kMalformed;
  Reader reader(message);
  LseekIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Lseek{.handle = HandleId{in.fh}, .offset = in.offset, .whence = in.whence};
}

template <>
Result<CopyFileRange> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::copy_file_range &&
      message.opcode() != Opcode::copy_file_range_64) {
    return kMalformed;
  }
  Reader reader(message);
  CopyFileRangeIn in;
  if (!reader.fixed(in)) return kMalformed;
  return CopyFileRange{.handle_in = HandleId{in.fh_in},
                       .off_in = in.off_in,
                       .node_out = NodeId{in.nodeid_out},
                       .handle_out = HandleId{in.fh_out},
                       .off_out = in.off_out,
                       .len = in.len,
                       .flags = in.flags};
}

template <>
Result<Ioctl> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::ioctl) return kMalformed;
  Reader reader(message);
  IoctlIn in;
  if (!reader.fixed(in)) return kMalformed;
  Ioctl args;
  args.handle = HandleId{in.fh};
  args.flags = in.flags;
  args.cmd = in.cmd;
  args.arg = in.arg;
  args.out_size = in.out_size;
  if (!reader.bytes(in.in_size, args.data)) return kMalformed;
  return args;
}

template <>
Result<Poll> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::poll) return kMalformed;
  Reader reader(message);
  PollIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Poll{.handle = HandleId{in.fh},
              .kernel_handle = in.kh,
              .flags = in.flags,
              .events = negotiated.minor < 21 ? 0 : in.events};
}

template <>
Result<SetupMapping> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::setupmapping) return kMalformed;
  Reader reader(message);
  SetupmappingIn in;
  if (!reader.fixed(in)) return kMalformed;
  SetupMapping args;
  args.has_handle = in.fh != ~uint64_t{0};
  if (args.has_handle) args.handle = HandleId{in.fh};
  args.file_offset = in.foffset;
  args.len = in.len;
  args.flags = in.flags;
  args.memory_offset = in.moffset;
  return args;
}

template <>
Result<RemoveMapping> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::removemapping) return kMalformed;
  Reader reader(message);
  RemovemappingIn in;
  std::span<const std::byte> entries;
  if (!reader.fixed(in) || !reader.bytes(size_t{in.count} * sizeof(RemovemappingOne), entries)) {
    return kMalformed;
  }
  return RemoveMapping(entries);
}

size_t RemoveMapping::size() const {
  return bytes_.size() / sizeof(RemovemappingOne);
}

RemoveMapping::Entry RemoveMapping::operator[](size_t index) const {
  assert(index < size());
  RemovemappingOne one;
  std::memcpy(&one, bytes_.data() + index * sizeof(one), sizeof(one));
  return Entry{one.moffset, one.len};
}

}  // namespace fuse3::wire
