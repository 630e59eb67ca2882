// INTERRUPT comes once: what it says of a request is kept in that request's slot, so that it holds
// for the second run, too.
#include <cstring>

#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/newer_fields.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

using wire::Opcode;

// Numbered by the library that asked for the answer, and not by the kernel.
bool numbered_by_kernel(uint32_t opcode) {
  return static_cast<Opcode>(opcode) != Opcode::notify_reply;
}

}  // namespace

bool ReconnectSeam::mark_interrupted(RequestId target) {
  bool found = false;
  state_->slots().for_each_used([&](Slot slot) {
    wire::InHeader header;
    std::memcpy(&header, slot.buffer().data(), sizeof header);
    if (!numbered_by_kernel(header.opcode)) return;
    if (without_resent_bit(RequestId{header.unique}) != target) return;
    slot.mark_interrupted(target);
    found = true;
  });
  return found;
}

void ReconnectSeam::interrupting(RequestId target) {
  if (holds(Guard::interrupt_kept)) (void)mark_interrupted(target);
}

// At the start of a successor. True: it is done; else it is run like any other, and the kernel told
// to ask again.
bool ReconnectSeam::settle_interrupt(const Slot& slot) {
  if (FUSE3_FIELD_OR(session_.connection, no_interrupt, 0) != 0) return false;
  if (!holds(Guard::interrupt_settled)) return false;
  const auto message = wire::Message::parse(slot.request());
  if (!message || message->opcode() != Opcode::interrupt) return false;
  const auto args = wire::decode<wire::Interrupt>(*message, session_.negotiated);
  if (!args || !mark_interrupted(without_resent_bit(args->target))) return false;
  Slot mine = slot;
  mine.finish();
  return true;
}

}  // namespace fuse3::reconnect
