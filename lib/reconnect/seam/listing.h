// Directories that are read in parts, by servers that follow one another.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "reconnect/layout.h"
#include "session/request.h"
#include "wire/dirent.h"

namespace fuse3::reconnect {

inline bool is_listing(const fuse_req& req) {
  return req.row->opcode == wire::Opcode::readdir || req.row->opcode == wire::Opcode::readdirplus;
}

// fn(walker) for each entry of a READDIR or READDIRPLUS payload.
template <class Fn>
void for_each_listed(bool plus, std::span<std::byte> entries, Fn fn) {
  if (plus) {
    for (wire::DirentplusWalker walker(entries); walker.valid(); walker.next()) fn(walker);
  } else {
    for (wire::DirentWalker walker(entries); walker.valid(); walker.next()) fn(walker);
  }
}

// What a successor knows of a stream that a former incarnation began: the filesystem is asked for
// the directory from its start, and what was delivered is left out.
struct ResumedListing {
  struct Told {
    StreamEntry entry;
    uint64_t next;  // where the filesystem goes on behind it
  };
  std::unordered_set<uint64_t> delivered;  // hashes of names
  std::vector<Told> last;                  // of the last reply, in its order
};

}  // namespace fuse3::reconnect
