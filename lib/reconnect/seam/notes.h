// What the slot of a request says of the time before its first run.
#pragma once

#include <cstdint>

#include "reconnect/handle_table.h"
#include "reconnect/slots.h"
#include "session/session.h"
#include "wire/protocol.h"

namespace fuse3::reconnect {

// Numbers of notes. What the others mean is up to the first.
inline constexpr uint32_t kBeforeNote = 0;
inline constexpr uint32_t kSizeNote = 1;   // of the file
inline constexpr uint32_t kLookNotes = 1;  // and the next: of the two that are to be exchanged
inline constexpr uint32_t kHideNote = 3;   // how far hide.cc is; by itself
inline constexpr uint32_t kLentNote = 4;   // LentMode of the file it made; by itself

enum class Before : uint64_t {
  unasked,
  asking,   // the request has not run
  absent,   // an extended attribute was not there
  present,  // it was; the size, or the looks, are noted
  unknown,  // the filesystem could not say
};

Before before_first_run(const Slot& slot);

// WRITE to the end of the file, wherever that is by now; not one from the page cache, which goes to
// its place whatever the flags say.
bool appends(const fuse_req& req, const HandleTable& handles);

// FALLOCATE that inserts or collapses a range.
bool shifts_contents(const fuse_req& req);

// What a file looks like, as one number that is not 0: of what a change of its names leaves as it
// is, so without the time of the last change of the inode.
uint64_t look_of(const wire::Attr& attr);

}  // namespace fuse3::reconnect
