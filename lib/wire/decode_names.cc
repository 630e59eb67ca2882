// Requests about directory entries and links, and the names in them.
#include <cstring>

#include "wire/reader.h"
#include "wire/request.h"

namespace fuse3::wire {

namespace {

// Null for what no directory entry can be called. "." and ".." may be looked up.
const char* entry_name(Reader& reader) {
  const char* name = reader.string();
  if (name == nullptr || *name == '\0' || std::strchr(name, '/') != nullptr) return nullptr;
  return name;
}

template <class Args>
Result<Args> decode_name_only(const Message& message) {
  if (message.opcode() != Args::opcode) return kMalformed;
  Reader reader(message);
  Args args;
  args.name = entry_name(reader);
  if (args.name == nullptr) return kBadName;
  return args;
}

constexpr size_t kMknodInSize11 = 8;   // mode, rdev
constexpr size_t kCreateInSize11 = 8;  // flags, mode

template <class Args>
bool read_create(Reader& reader, uint32_t minor, Args& args) {
  CreateIn in;
  if (!reader.fixed(in, minor < 12 ? kCreateInSize11 : sizeof(in))) return false;
  args.flags = in.flags;
  args.mode = in.mode;
  args.umask = in.umask;
  args.open_flags = in.open_flags;
  return true;
}

}  // namespace

template <>
Result<Lookup> decode(const Message& message, const Negotiated&) {
  return decode_name_only<Lookup>(message);
}

template <>
Result<Unlink> decode(const Message& message, const Negotiated&) {
  return decode_name_only<Unlink>(message);
}

template <>
Result<Rmdir> decode(const Message& message, const Negotiated&) {
  return decode_name_only<Rmdir>(message);
}

template <>
Result<Readlink> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::readlink) return kMalformed;
  return Readlink{};
}

template <>
Result<Symlink> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::symlink) return kMalformed;
  Reader reader(message);
  Symlink args;
  args.name = entry_name(reader);
  if (args.name == nullptr) return kBadName;
  args.target = reader.string();
  if (args.target == nullptr) return kMalformed;
  return args;
}

template <>
Result<Mknod> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::mknod) return kMalformed;
  Reader reader(message);
  MknodIn in;
  if (!reader.fixed(in, negotiated.minor < 12 ? kMknodInSize11 : sizeof(in))) return kMalformed;
  Mknod args{.name = entry_name(reader), .mode = in.mode, .rdev = in.rdev, .umask = in.umask};
  if (args.name == nullptr) return kBadName;
  return args;
}

template <>
Result<Mkdir> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::mkdir) return kMalformed;
  Reader reader(message);
  MkdirIn in;
  if (!reader.fixed(in)) return kMalformed;
  if (negotiated.minor < 12) in.umask = 0;  // was padding
  Mkdir args{.name = entry_name(reader), .mode = in.mode, .umask = in.umask};
  if (args.name == nullptr) return kBadName;
  return args;
}

template <>
Result<Rename> decode(const Message& message, const Negotiated&) {
  bool has_flags = message.opcode() == Opcode::rename2;
  if (!has_flags && message.opcode() != Opcode::rename) return kMalformed;
  Reader reader(message);
  Rename2In in;
  if (!reader.fixed(in, has_flags ? sizeof(Rename2In) : sizeof(RenameIn))) return kMalformed;
  Rename args;
  args.new_parent = NodeId{in.newdir};
  args.flags = in.flags;
  args.name = entry_name(reader);
  if (args.name == nullptr) return kBadName;
  args.new_name = entry_name(reader);
  if (args.new_name == nullptr) return kBadName;
  return args;
}

template <>
Result<Link> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::link) return kMalformed;
  Reader reader(message);
  LinkIn in;
  if (!reader.fixed(in)) return kMalformed;
  Link args{.old_node = NodeId{in.oldnodeid}, .name = entry_name(reader)};
  if (args.name == nullptr) return kBadName;
  return args;
}

template <>
Result<Create> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::create) return kMalformed;
  Reader reader(message);
  Create args;
  if (!read_create(reader, negotiated.minor, args)) return kMalformed;
  args.name = entry_name(reader);
  if (args.name == nullptr) return kBadName;
  return args;
}

template <>
Result<Tmpfile> decode(const Message& message, const Negotiated& negotiated) {
  if (message.opcode() != Opcode::tmpfile) return kMalformed;
  Reader reader(message);
  Tmpfile args;
  if (!read_create(reader, negotiated.minor, args)) return kMalformed;
  // The kernel puts "/" here, or whatever else its unnamed entry is called.
  args.name = reader.string();
  if (args.name == nullptr) return kMalformed;
  return args;
}

}  // namespace fuse3::wire
