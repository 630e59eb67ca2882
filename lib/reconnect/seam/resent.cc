// A successor with a device of its own (kernel_holder.h): the kernel asks it for INIT, and then
// sends again what its predecessor had in hand. The slots have the same requests, and know what
// became of them. So what is sent again only tells which of them still wait for an answer, and by
// which number; afterwards the slots are as if their requests had been read from this device.
#include <poll.h>

#include <cstring>
#include <vector>

#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/request_header.h"
#include "session/has_reply.h"
#include "support/log.h"
#include "wire/opcode.h"
#include "wire/reply.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

short events_of(int device) {
  pollfd watched{device, POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1 ? watched.revents : short{0};
}

// Of a read that gave no request.
bool nothing_came(int error) {
  return error == EINTR || error == ENOENT || error == EAGAIN;
}

bool is_rename(Opcode opcode) {
  return opcode == Opcode::rename || opcode == Opcode::rename2;
}

}  // namespace

Result<wire::InHeader> ReconnectSeam::receive_again(std::span<std::byte> room) {
  const auto got =
      session_.transport->receive(session_.device(0), room.first(session_.sizes.receive));
  if (!got) return got.as_error();
  wire::InHeader header{};
  if (*got < sizeof header) return Error{EPROTO};
  std::memcpy(&header, room.data(), sizeof header);
  return header;
}

// The answer is that of the first server, byte by byte: with any other the kernel would cut this
// device off. INIT needs no slot: a successor's successor is asked again.
Result<void> ReconnectSeam::greet_kernel() {
  std::vector<std::byte> room(session_.sizes.receive);
  auto header = receive_again(room);
  while (!header && nothing_came(header.error())) header = receive_again(room);
  if (!header || static_cast<Opcode>(header->opcode) != Opcode::init) {
    const int error = header ? EPROTO : header.error();
    log_error("fuse: cannot take over: the kernel does not ask for INIT: %s", std::strerror(error));
    return Error{error};
  }
  const uint64_t servers = state_->kernel_count().servers;
  // From the answer on the kernel may have counted this server, also if it dies now.
  state_->set_kernel_count({.servers = servers, .perhaps_one_more = true});
  const auto sent = send_saved_init_reply(RequestId{header->unique}, session_.device(0));
  if (!sent || (events_of(session_.device(0)) & POLLERR) != 0) {
    log_error("fuse: cannot take over: the kernel did not accept the answer to INIT");
    return Error{sent ? ENOTCONN : sent.error()};
  }
  state_->set_kernel_count({.servers = servers + 1, .perhaps_one_more = false});
  return {};
}

// What was only received comes again, and nothing had been done about it. Those by number of which
// the slot knows more.
ReconnectSeam::InHand ReconnectSeam::forget_devices() {
  InHand in_hand;
  state_->slots().for_each_used([&](Slot slot) {
    slot.set_device(0);
    if (slot.request().size() < sizeof(wire::InHeader)) return;
    const wire::InHeader header = header_of(slot);
    if (!has_reply(static_cast<Opcode>(header.opcode))) return;
    if (slot.stage() == Stage::free) {
      slot.finish();
    } else {
      in_hand[without_resent_bit(RequestId{header.unique}).value] = slot;
    }
  });
  state_->start_with_one_device();
  state_->slots().adopt();
  return in_hand;
}

// The kernel gives these first; a request that is new ends them. It stays in its slot, as does what
// the dead server had not got as far as its slot. Where all slots are in hand there is nothing of
// the latter kind, and no place for the former: ENOBUFS, and the kernel has it again. (A FORGET
// that comes just then leaves a count too high.)
Result<void> ReconnectSeam::match_resent(InHand& in_hand) {
  std::vector<std::byte> spare;
  while (!in_hand.empty() && (events_of(session_.device(0)) & POLLIN) != 0) {
    auto slot = state_->slots().acquire();
    if (slot) {
      slot->arm(0);
    } else {
      spare.resize(session_.sizes.receive);
    }
    const auto header = receive_again(slot ? slot->buffer() : std::span(spare));
    const bool answerable = header && has_reply(static_cast<Opcode>(header->opcode));
    const auto known = answerable
                           ? in_hand.find(without_resent_bit(RequestId{header->unique}).value)
                           : in_hand.end();
    if (known != in_hand.end()) {
      known->second.set_request_id(RequestId{header->unique});
      in_hand.erase(known);
    } else if (header && slot) {
      if (answerable && (header->unique & kResentBit) == 0) break;
      continue;
    } else if (answerable) {
      return Error{ENOBUFS};
    }
    if (slot) {
      slot->finish();
      state_->slots().release(*slot);
    }
    if (!header && !nothing_came(header.error())) return header.as_error();
  }
  return {};
}

// What the kernel does not send again has its answer, or nobody waits for it any more: its caller
// was killed while no server ran. A rename of the latter kind may have been done, and whoever has
// what it moved open must find it again.
Result<void> ReconnectSeam::take_resent() {
  InHand in_hand = forget_devices();
  const auto matched = match_resent(in_hand);
  if (!matched) {
    log_error("fuse: cannot take over: what the kernel sends again cannot be received: %s",
              std::strerror(matched.error()));
  }
  // With no place for what is new, the next server shall have one.
  if (!matched && matched.error() != ENOBUFS) return matched;
  for (auto& [number, slot] : in_hand) {
    const auto opcode = opcode_of(slot);
    if (slot.stage() == Stage::running && is_rename(opcode)) continue;
    if (slot.stage() == Stage::running) take_back_grants(slot, opcode, slot.counted_reply());
    slot.finish();
  }
  return matched;
}

}  // namespace fuse3::reconnect
