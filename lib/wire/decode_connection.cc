// Requests about the connection, and those that have no reply.
#include <cassert>
#include <cstring>

#include "wire/reader.h"
#include "wire/request.h"

namespace fuse3::wire {

namespace {

constexpr size_t kVersionSize = 8;       // major, minor
constexpr size_t kInitInShortSize = 16;  // up to flags

template <class Args>
Result<Args> decode_empty(const Message& message) {
  if (message.opcode() != Args::opcode) return kMalformed;
  return Args{};
}

}  // namespace

// Comes before anything was negotiated: it is read by what it says of itself.
template <>
Result<Init> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::init) return kMalformed;
  InitIn in;
  Reader version(message);
  if (!version.fixed(in, kVersionSize)) return kMalformed;
  Init args{.major = in.major, .minor = in.minor};
  if (in.major != kMajor) return args;
  if (Reader reader(message); !reader.fixed(in, kInitInShortSize)) return kMalformed;
  args.max_readahead = in.max_readahead;
  args.flags = in.flags;
  if ((in.flags & init_flag::init_ext) != 0) {
    if (Reader reader(message); !reader.fixed(in)) return kMalformed;
    args.flags |= uint64_t{in.flags2} << 32;
  }
  return args;
}

template <>
Result<CuseInit> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::cuse_init) return kMalformed;
  Reader reader(message);
  CuseInitIn in;
  if (!reader.fixed(in)) return kMalformed;
  return CuseInit{.major = in.major, .minor = in.minor, .flags = in.flags};
}

template <>
Result<Destroy> decode(const Message& message, const Negotiated&) {
  return decode_empty<Destroy>(message);
}

template <>
Result<Statfs> decode(const Message& message, const Negotiated&) {
  return decode_empty<Statfs>(message);
}

template <>
Result<Syncfs> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::syncfs) return kMalformed;
  Reader reader(message);
  SyncfsIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Syncfs{};
}

template <>
Result<Interrupt> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::interrupt) return kMalformed;
  Reader reader(message);
  InterruptIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Interrupt{.target = RequestId{in.unique}};
}

template <>
Result<Forget> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::forget) return kMalformed;
  Reader reader(message);
  ForgetIn in;
  if (!reader.fixed(in)) return kMalformed;
  return Forget{.nlookup = in.nlookup};
}

template <>
Result<BatchForget> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::batch_forget) return kMalformed;
  Reader reader(message);
  BatchForgetIn in;
  std::span<const std::byte> entries;
  if (!reader.fixed(in) || !reader.bytes(size_t{in.count} * sizeof(ForgetOne), entries)) {
    return kMalformed;
  }
  return BatchForget(entries);
}

size_t BatchForget::size() const {
  return bytes_.size() / sizeof(ForgetOne);
}

BatchForget::Entry BatchForget::operator[](size_t index) const {
  assert(index < size());
  ForgetOne one;
  std::memcpy(&one, bytes_.data() + index * sizeof(one), sizeof(one));
  return Entry{NodeId{one.nodeid}, one.nlookup};
}

template <>
Result<NotifyReply> decode(const Message& message, const Negotiated&) {
  if (message.opcode() != Opcode::notify_reply) return kMalformed;
  Reader reader(message);
  NotifyRetrieveIn in;
  if (!reader.fixed(in)) return kMalformed;
  NotifyReply args;
  args.offset = in.offset;
  args.size = in.size;
  if (!reader.data(in.size, args.data)) return kMalformed;
  return args;
}

}  // namespace fuse3::wire
