// What the kernel sends a second time, matched with the slots. They have the same requests, and
// know what became of them. So what is sent again only tells which of them still wait for an
// answer, and by which number; afterwards the slots are as if their requests had been read from
// device 0.
//
// It is sent again because a successor asked for it (resend.cc), or because it has a device of its
// own (kernel_holder.h); then the kernel asks for INIT first.
#include <poll.h>

#include <cstring>

#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/request_header.h"
#include "session/bare_reply.h"
#include "session/has_reply.h"
#include "session/row.h"
#include "support/log.h"
#include "wire/opcode.h"
#include "wire/reply.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

// What makes an INTERRUPT's number of that of the request it is for.
constexpr uint64_t kInterruptBit = 1;

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

// Its reply may have been sent without a trace in the slot.
bool may_be_answered(const Slot& slot) {
  if (slot.stage() == Stage::replied) return true;
  const Opcode opcode = opcode_of(slot);
  const Row* row = find_row(opcode);
  const bool unstored = row == nullptr || row->replay == Replay::repeat;
  return slot.stage() == Stage::running && unstored && opcode != Opcode::lookup;
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

// The devices that the slots name are gone.
void ReconnectSeam::forget_devices() {
  state_->slots().for_each_used([](Slot slot) { slot.set_device(0); });
  state_->start_with_one_device();
}

// Where two slots have one request, a successor died when it had just received it again: the slot
// that knows more of it is the one.
ReconnectSeam::InHand ReconnectSeam::requests_in_hand() {
  InHand all;
  state_->slots().for_each_used([&](Slot slot) {
    if (slot.request().size() < sizeof(wire::InHeader)) return;
    const wire::InHeader header = header_of(slot);
    if (!has_reply(static_cast<Opcode>(header.opcode))) return;
    Slot& known = all[number_of(header)];
    if (known && known.stage() != Stage::free) return slot.finish();
    if (known) known.finish();
    known = slot;
  });
  return all;
}

// The kernel gives these first; a request that is new ends them. It stays in its slot, as does what
// no slot has had. Where there is no slot for such a request, it is `homeless`.
Result<void> ReconnectSeam::match_resent(InHand& in_hand, Homeless& homeless) {
  Slot room;
  std::vector<std::byte> spare;
  Result<void> done;
  for (bool more = true; more && (events_of(session_.device(0)) & POLLIN) != 0;) {
    if (!room) {
      if (const auto fresh = state_->slots().acquire(); fresh) room = *fresh;
    }
    if (!room && in_hand.empty()) break;  // what comes now is received like anything else
    if (room) room.arm(0);
    if (!room) spare.resize(session_.sizes.receive);
    const auto header = receive_again(room ? room.buffer() : std::span(spare));
    if (!header) {
      if (nothing_came(header.error())) continue;
      done = header.as_error();
      break;
    }
    if (meets(*header, in_hand)) {
      if (room) room.finish();
      continue;
    }
    more = !ends_resent(*header);
    if (!room) {
      spare.resize(header->len);
      homeless.push_back(std::move(spare));
      spare = {};
      continue;
    }
    if ((header->unique & kResentBit) == 0) room.set_flags(kNewcomer);
    if (!holds(Guard::resend_unknown)) room.finish();
    room = {};
  }
  if (room) {
    room.finish();
    state_->slots().release(room);
  }
  return done;
}

bool ReconnectSeam::ends_resent(const wire::InHeader& header) {
  return has_reply(static_cast<Opcode>(header.opcode)) && (header.unique & kResentBit) == 0;
}

// Counts a request that is sent again. True: a slot has it, which names it as the kernel does now.
bool ReconnectSeam::meets(const wire::InHeader& header, InHand& in_hand) {
  const auto opcode = static_cast<Opcode>(header.opcode);
  if (!has_reply(opcode)) return false;
  const bool again = (header.unique & kResentBit) != 0;
  if (again) state_->count(State::Figure::kernel_resent);
  const auto known = holds(Guard::resend_known) ? in_hand.find(number_of(header)) : in_hand.end();
  if (known != in_hand.end()) {
    known->second.set_request_id(RequestId{header.unique});
    known->second.set_device(0);
    in_hand.erase(known);
    return true;
  }
  if (again) {
    state_->count(State::Figure::resend_unknown);
    log(FUSE_LOG_WARNING,
        "fuse: the kernel waits for an answer to request %llu (%s), which the state did not have; "
        "it is run now",
        number_of(header), wire::opcode_name(opcode));
  }
  return false;
}

// An answer to an INTERRUPT that nobody sent is taken, and does nothing, while the request it would
// have been for is in hand on that device.
bool ReconnectSeam::kernel_waits_for(const Slot& slot) {
  const RequestId interrupt{header_of(slot).unique | kInterruptBit};
  return send_bare_reply(*session_.transport, session_.device(slot.device()), interrupt, 0).ok();
}

// What the kernel does not send again has its answer, or nobody waits for it any more: its caller
// was killed meanwhile. Run now, it would be run beside what others may do by then. But a rename of
// the latter kind may have been done, and whoever has what it moved open must find it again.
void ReconnectSeam::settle_unsent(Slot slot) {
  const wire::InHeader header = header_of(slot);
  const Opcode opcode = opcode_of(slot);
  const bool held =
      holds(Guard::resend_held) && slot.stage() != Stage::replied && kernel_waits_for(slot);
  if (held || !may_be_answered(slot)) {
    state_->count(State::Figure::resend_missing);
    log(held ? FUSE_LOG_WARNING : FUSE_LOG_INFO,
        "fuse: the kernel did not send request %llu (%s) again: %s", number_of(header),
        wire::opcode_name(opcode),
        held ? "it waits for the answer nevertheless" : "nobody waits for it any more");
  }
  if (held || !holds(Guard::resend_unsent)) return;
  if (slot.stage() == Stage::running && is_rename(opcode)) return;
  if (slot.stage() == Stage::running) take_back_grants(slot, opcode, slot.counted_reply());
  slot.finish();
}

void ReconnectSeam::house(std::span<const std::byte> request) {
  if (auto slot = state_->slots().acquire(); slot) {
    slot->arm(0);
    return slot->put(request);
  }
  wire::InHeader header{};
  std::memcpy(&header, request.data(), sizeof header);
  log_error("fuse: no room for request %llu; it gets EIO", number_of(header));
  (void)send_bare_reply(*session_.transport, session_.device(0), RequestId{header.unique}, -EIO);
}

Result<void> ReconnectSeam::take_resent() {
  InHand in_hand = requests_in_hand();
  Homeless homeless;
  state_->slots().adopt();
  if (const auto matched = match_resent(in_hand, homeless); !matched) {
    log_error("fuse: cannot take over: what the kernel sends again cannot be received: %s",
              std::strerror(matched.error()));
    return matched;
  }
  for (const auto& [number, slot] : in_hand) settle_unsent(slot);
  state_->slots().adopt();
  for (const auto& request : homeless) house(request);
  return {};
}

}  // namespace fuse3::reconnect
