// Arguments of the requests that name things: directory entries, links, extended attributes.
//
// Names point into the request and end in NUL there. The name of a directory entry is not empty and
// has no '/'; anything else is EINVAL. Every argument struct says which ids it carries: visit_ids()
// hands out those inside the arguments by reference, node_in_header tells whether Message::node()
// is one as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "support/ids.h"
#include "wire/opcode.h"

namespace fuse3::wire {

struct Lookup {
  static constexpr Opcode opcode = Opcode::lookup;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  template <class V>
  void visit_ids(V&&) {}
};

struct Readlink {
  static constexpr Opcode opcode = Opcode::readlink;
  static constexpr bool node_in_header = true;
  template <class V>
  void visit_ids(V&&) {}
};

struct Symlink {
  static constexpr Opcode opcode = Opcode::symlink;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  const char* target = nullptr;
  template <class V>
  void visit_ids(V&&) {}
};

struct Mknod {
  static constexpr Opcode opcode = Opcode::mknod;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  uint32_t mode = 0;
  uint32_t rdev = 0;
  uint32_t umask = 0;
  template <class V>
  void visit_ids(V&&) {}
};

struct Mkdir {
  static constexpr Opcode opcode = Opcode::mkdir;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  uint32_t mode = 0;
  uint32_t umask = 0;
  template <class V>
  void visit_ids(V&&) {}
};

struct Unlink {
  static constexpr Opcode opcode = Opcode::unlink;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  template <class V>
  void visit_ids(V&&) {}
};

struct Rmdir {
  static constexpr Opcode opcode = Opcode::rmdir;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  template <class V>
  void visit_ids(V&&) {}
};

// RENAME and RENAME2; the first has no flags.
struct Rename {
  static constexpr Opcode opcode = Opcode::rename;
  static constexpr bool node_in_header = true;
  NodeId new_parent;
  const char* name = nullptr;
  const char* new_name = nullptr;
  uint32_t flags = 0;
  template <class V>
  void visit_ids(V&& v) {
    v.node(new_parent);
  }
};

// The header's node is the directory that gets the new name.
struct Link {
  static constexpr Opcode opcode = Opcode::link;
  static constexpr bool node_in_header = true;
  NodeId old_node;
  const char* name = nullptr;
  template <class V>
  void visit_ids(V&& v) {
    v.node(old_node);
  }
};

struct Create {
  static constexpr Opcode opcode = Opcode::create;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  uint32_t flags = 0;
  uint32_t mode = 0;
  uint32_t umask = 0;
  uint32_t open_flags = 0;  // open_request
  template <class V>
  void visit_ids(V&&) {}
};

// Like CREATE, without a name that means anything.
struct Tmpfile {
  static constexpr Opcode opcode = Opcode::tmpfile;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  uint32_t flags = 0;
  uint32_t mode = 0;
  uint32_t umask = 0;
  uint32_t open_flags = 0;  // open_request
  template <class V>
  void visit_ids(V&&) {}
};

struct Setxattr {
  static constexpr Opcode opcode = Opcode::setxattr;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  std::span<const std::byte> value;
  uint32_t flags = 0;           // as of setxattr(2)
  uint32_t setxattr_flags = 0;  // setxattr_flag
  template <class V>
  void visit_ids(V&&) {}
};

// A size of 0 asks for the size alone.
struct Getxattr {
  static constexpr Opcode opcode = Opcode::getxattr;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  uint32_t size = 0;
  template <class V>
  void visit_ids(V&&) {}
};

struct Listxattr {
  static constexpr Opcode opcode = Opcode::listxattr;
  static constexpr bool node_in_header = true;
  uint32_t size = 0;
  template <class V>
  void visit_ids(V&&) {}
};

struct Removexattr {
  static constexpr Opcode opcode = Opcode::removexattr;
  static constexpr bool node_in_header = true;
  const char* name = nullptr;
  template <class V>
  void visit_ids(V&&) {}
};

}  // namespace fuse3::wire
