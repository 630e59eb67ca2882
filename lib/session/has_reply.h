// Which requests the kernel expects an answer to.
#pragma once

#include "wire/opcode.h"

namespace fuse3 {

constexpr bool has_reply(wire::Opcode opcode) {
  return opcode != wire::Opcode::forget && opcode != wire::Opcode::batch_forget &&
         opcode != wire::Opcode::interrupt && opcode != wire::Opcode::notify_reply;
}

}  // namespace fuse3
