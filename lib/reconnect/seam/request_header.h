// The header of the request in a slot, for who looks at slots without a request object.
#pragma once

#include <cstring>

#include "reconnect/slots.h"
#include "wire/opcode.h"
#include "wire/structs_in.h"

namespace fuse3::reconnect {

inline wire::InHeader header_of(const Slot& slot) {
  wire::InHeader header{};
  std::memcpy(&header, slot.buffer().data(), sizeof header);
  return header;
}

inline wire::Opcode opcode_of(const Slot& slot) {
  return static_cast<wire::Opcode>(header_of(slot).opcode);
}

}  // namespace fuse3::reconnect
