// The library asks the filesystem something on its own account: the answer comes here instead of to
// the kernel. Used in recovery only, so it may allocate.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "session/session.h"
#include "wire/protocol.h"

namespace fuse3::reconnect {

struct Answer {
  int error = 0;  // 0 or a positive errno
  bool has_entry = false;
  bool has_open = false;
  fuse_entry_param entry{};
  fuse_file_info open{};
  std::vector<std::byte> bytes;  // of every other reply, as the kernel would get it
};

// Called with the answer: on the thread that asked, after the operation has returned, or, when the
// filesystem answers later, on the thread that answers. In a program with a loop of its own the
// question itself may have to wait until that comes round.
using Then = std::function<void(const Answer&)>;
// Calls the operation with the request it is given.
using Call = std::function<void(fuse_req&)>;

// Asks. `lane` is that of the request on whose behalf it happens.
void ask(fuse_session& session, Lane& lane, wire::Opcode opcode, Call call, Then then);

// The questions recovery has.
// `hidden`: the library has given the file that name itself.
void ask_lookup(fuse_session& session, Lane& lane, uint64_t parent, const std::string& name,
                bool hidden, Then then);
void ask_open(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, bool directory,
              Then then);
// By the open file `info`, if it is not null, which need not last.
using Attributes = std::function<void(int error, const wire::Attr& attr)>;
void ask_getattr(fuse_session& session, Lane& lane, uint64_t ino, const fuse_file_info* info,
                 Attributes then);
void tell_release(fuse_session& session, Lane& lane, uint64_t ino, const fuse_file_info& info,
                  bool directory);
void tell_forget(fuse_session& session, Lane& lane, uint64_t ino, uint64_t count);

}  // namespace fuse3::reconnect
