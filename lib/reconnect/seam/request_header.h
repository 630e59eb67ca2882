// The header of the request in a slot, for who looks at slots without a request object.
#pragma once

#include <cstring>

#include "reconnect/slots.h"
#include "support/ids.h"
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

// As the kernel called the request at first, whether or not it was sent again.
inline unsigned long long number_of(const wire::InHeader& header) {
  return without_resent_bit(RequestId{header.unique}).value;
}

}  // namespace fuse3::reconnect
