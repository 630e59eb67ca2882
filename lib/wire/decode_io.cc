// Requests that open, transfer and close.
#include "wire/reader.h"
#include "wire/request.h"

namespace fuse3::wire {

namespace {

constexpr size_t kTransferInSize8 = 24;  // up to read_flags or write_flags

template <class Args>
Result<Args> decode_open(const Message& message) {
  if (message.opcode() != Args::opcode) return kMalformed;
  Reader reader(message);
  OpenIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Args{.flags = in.flags, .open_flags = in.open_flags};
}

template <class Args>
Result<Args> decode_read(const Message& message, uint32_t minor) {
  if (message.opcode() != Args::opcode) return kMalformed;
  Reader reader(message);
  ReadIn in;
  if (!reader.fixed(in, minor < 9 ? kTransferInSize8 : sizeof(in))) return kMalformed;
  Args args;
  args.handle = HandleId{in.fh};
  args.offset = in.offset;
  args.size = in.size;
  args.read_flags = minor < 9 ? 0 : in.read_flags;
  args.lock_owner = in.lock_owner;
  args.flags = in.flags;
  return args;
}

template <class Args>
Result<Args> decode_release(const Message& message) {
  if (message.opcode() != Args::opcode) return kMalformed;
  Reader reader(message);
  ReleaseIn in;
  if (!reader.fixed(in)) return kMalformed;
  Args args;
  args.handle = HandleId{in.fh};
  args.flags = in.flags;
  args.release_flags = in.release_flags;
  args.lock_owner = in.lock_owner;
  return args;
}

template <class Args>
Result<Args> decode_fsync(const Message& message) {
  if (message.opcode() != Args::opcode) return kMalformed;
  Reader reader(message);
  FsyncIn in;
  if (!reader.fixed(in)) return kMalformed;
  Args args;
  args.handle = HandleId{in.fh};
  args.fsync_flags = in.fsync_flags;
  return args;
}

}  // namespace

template <>
Result<Open> decode(const Message& message, const Negotiated&) {
  return decode_open<Open>(message);
}

template <>
Result<Opendir> decode(const Message& message, const Negotiated&) {
  return decode_open<Opendir>(message);
}

template <>
Result<Read> decode(const Message& message, const Negotiated& negotiated) {
  return decode_read<Read>(message, negotiated.minor);
}

template <>
Result<Readdir> decode(const Message& message, const Negotiated& negotiated) {
  return decode_read<Readdir>(message, negotiated.minor);
}

template <>
Result<Readdirplus> decode(const Message& message, const Negotiated& negotiated) {
  return decode_read<Readdirplus>(message, negotiated.minor);
}

template <>
Result<Write> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::write) return kMalformed;
  Reader reader(message);
  WriteIn in;
  if (!reader.fixed(in, negotiated.minor < 9 ? kTransferInSize8 : sizeof(in))) return kMalformed;
  Write args;
  args.handle = HandleId{in.fh};
  args.offset = in.offset;
  args.size = in.size;
  args.write_flags = in.write_flags;
  args.lock_owner = in.lock_owner;
  args.flags = in.flags;
  if (!reader.data(in.size, args.data)) return kMalformed;
  return args;
}

template <>
Result<Flush> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::flush) return kMalformed;
  Reader reader(message);
  FlushIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Flush{.handle = HandleId{in.fh}, .lock_owner = in.lock_owner};
}

template <>
Result<Release> decode(const Message& message, const Negotiated&) {
  return decode_release<Release>(message);
}

template <>
Result<Releasedir> decode(const Message& message, const Negotiated&) {
  return decode_release<Releasedir>(message);
}

template <>
Result<Fsync> decode(const Message& message, const Negotiated&) {
  return decode_fsync<Fsync>(message);
}

template <>
Result<Fsyncdir> decode(const Message& message, const Negotiated&) {
  return decode_fsync<Fsyncdir>(message);
}

}  // namespace fuse3::wire
