// Opening a file again that a former incarnation had open.
#pragma once

#include <functional>

#include "reconnect/seam/inquiry.h"

namespace fuse3::reconnect {

// Where the state keeps the mode of a file that has to be put back; 0: none has.
struct LentMode {
  std::function<uint32_t()> get;
  std::function<void(uint32_t)> set;
};

// As ask_open(), but also where the file's permissions do not let its owner open it so any more.
void ask_reopen(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, LentMode lent,
                Then then);
// What a server that died at it has left to be done: the mode is put back, if one is noted.
void ask_put_back(fuse_session& session, Lane& lane, uint64_t ino, uint32_t flags, LentMode lent,
                  Then then);

}  // namespace fuse3::reconnect
