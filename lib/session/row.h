// One operation of the protocol is one row: how it is run, and what a successor does with one whose
// server died while the filesystem was working on it.
#pragma once

#include <cstdint>

#include "wire/opcode.h"

struct fuse_req;

namespace fuse3 {

// What running the request a second time means (doc/reconnect.md, replay table).
enum class Replay : uint8_t {
  repeat,    // changes nothing: run again, the reply is not stored
  redo,      // the same result twice: run again, the reply is stored
  made,      // made a name: EEXIST is success when what is there is what was asked for
  removed,   // removed a name: ENOENT is success
  renamed,   // compare identities
  appended,  // a write whose effect depends on the file's size
  placed,    // FALLOCATE: as redo, unless it shifts data
  set_xattr,
  removed_xattr,
  control,   // IOCTL
  released,  // only the tables change
  forgotten, // FORGET: applied from the slot
  none,      // no effect that outlives the server (INTERRUPT, NOTIFY_REPLY)
};

// What a reply that succeeds does to the tables beyond what its entry and its handle say.
enum class Edge : uint8_t { keep, remove, move };

struct Row {
  wire::Opcode opcode;
  const char* name;
  void (*run)(fuse_req& req);
  Replay replay;
};

// The row of an opcode, or null if the library does not know it.
const Row* find_row(wire::Opcode opcode);

}  // namespace fuse3
