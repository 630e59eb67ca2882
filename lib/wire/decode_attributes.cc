// Requests about attributes, extended attributes, permissions and block mapping.
#include "wire/reader.h"
#include "wire/request.h"

namespace fuse3::wire {

namespace {

constexpr size_t kSetxattrInShortSize = 8;  // size, flags

// An extended attribute's name may have a '/' in it.
const char* attribute_name(Reader& reader) {
  const char* name = reader.string();
  return name == nullptr || *name == '\0' ? nullptr : name;
}

}  // namespace

template <>
Result<Getattr> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::getattr) return kMalformed;
  Getattr args;
  if (negotiated.minor < 9) return args;
  Reader reader(message);
  GetattrIn in;
  if (!reader.fixed(in)) return kMalformed;
  args.has_handle = (in.getattr_flags & getattr_flag::fh) != 0;
  if (args.has_handle) args.handle = HandleId{in.fh};
  return args;
}

template <>
Result<Statx> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::statx) return kMalformed;
  Reader reader(message);
  StatxIn in;
  if (!reader.fixed(in)) return kMalformed;
  Statx args;
  args.has_handle = (in.getattr_flags & getattr_flag::fh) != 0;
  if (args.has_handle) args.handle = HandleId{in.fh};
  args.flags = in.sx_flags;
  args.mask = in.sx_mask;
  return args;
}

template <>
Result<Setattr> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::setattr) return kMalformed;
  Reader reader(message);
  SetattrIn in;
  if (!reader.fixed(in)) return kMalformed;
  // The times the kernel sets by itself were added at the place of unused fields.
  if (negotiated.minor < 23) in.valid &= ~fattr::ctime;
  Setattr args;
  args.valid = in.valid;
  args.has_handle = (in.valid & fattr::fh) != 0;
  if (args.has_handle) args.handle = HandleId{in.fh};
  args.size = in.size;
  args.has_lock_owner = (in.valid & fattr::lockowner) != 0;
  if (args.has_lock_owner) args.lock_owner = in.lock_owner;
  args.atime = TimeSpec{in.atime, in.atimensec};
  args.mtime = TimeSpec{in.mtime, in.mtimensec};
  if ((in.valid & fattr::ctime) != 0) args.ctime = TimeSpec{in.ctime, in.ctimensec};
  args.mode = in.mode;
  args.uid = in.uid;
  args.gid = in.gid;
  return args;
}

template <>
Result<Access> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::access) return kMalformed;
  Reader reader(message);
  AccessIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Access{.mask = in.mask};
}

template <>
Result<Bmap> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::bmap) return kMalformed;
  Reader reader(message);
  BmapIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Bmap{.block = in.block, .blocksize = in.blocksize};
}

template <>
Result<Setxattr> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::setxattr) return kMalformed;
  Reader reader(message);
  SetxattrIn in;
  bool extended = (negotiated.flags & init_flag::setxattr_ext) != 0;
  if (!reader.fixed(in, extended ? sizeof(in) : kSetxattrInShortSize)) return kMalformed;
  Setxattr args;
  args.flags = in.flags;
  args.setxattr_flags = in.setxattr_flags;
  args.name = attribute_name(reader);
  if (args.name == nullptr) return kBadName;
  if (!reader.bytes(in.size, args.value)) return kMalformed;
  return args;
}

template <>
Result<Getxattr> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::getxattr) return kMalformed;
  Reader reader(message);
  GetxattrIn in;
  if (!reader.fixed(in)) return kMalformed;
  Getxattr args{.name = attribute_name(reader), .size = in.size};
  if (args.name == nullptr) return kBadName;
  return args;
}

template <>
Result<Listxattr> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::listxattr) return kMalformed;
  Reader reader(message);
  GetxattrIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Listxattr{.size = in.size};
}

template <>
Result<Removexattr> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::removexattr) return kMalformed;
  Reader reader(message);
  Removexattr args{.name = attribute_name(reader)};
  if (args.name == nullptr) return kBadName;
  return args;
}

}  // namespace fuse3::wire
