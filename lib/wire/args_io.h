// Arguments of the requests on open files and directories: open, transfer, close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "support/ids.h"
#include "wire/opcode.h"

namespace fuse3::wire {

struct Open {
  static constexpr Opcode opcode = Opcode::open;
  static constexpr bool node_in_header = true;
  uint32_t flags = 0;
  uint32_t open_flags = 0;  // open_request
  template <class V>
  void visit_ids(V&&) {}
};

struct Opendir {
  static constexpr Opcode opcode = Opcode::opendir;
  static constexpr bool node_in_header = true;
  uint32_t flags = 0;
  uint32_t open_flags = 0;  // open_request
  template <class V>
  void visit_ids(V&&) {}
};

// The fields READ, READDIR and READDIRPLUS share.
struct ReadArgs {
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t offset = 0;
  uint32_t size = 0;
  uint32_t read_flags = 0;  // read_flag
  uint64_t lock_owner = 0;  // with read_flag::lockowner
  uint32_t flags = 0;       // of the open file
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Read : ReadArgs {
  static constexpr Opcode opcode = Opcode::read;
};

struct Readdir : ReadArgs {
  static constexpr Opcode opcode = Opcode::readdir;
};

struct Readdirplus : ReadArgs {
  static constexpr Opcode opcode = Opcode::readdirplus;
};

struct Write {
  static constexpr Opcode opcode = Opcode::write;
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t offset = 0;
  uint32_t size = 0;
  uint32_t write_flags = 0;  // write_flag
  uint64_t lock_owner = 0;   // with write_flag::lockowner
  uint32_t flags = 0;        // of the open file
  // `size` bytes, or as many fewer as the message has outside().
  std::span<const std::byte> data;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Flush {
  static constexpr Opcode opcode = Opcode::flush;
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t lock_owner = 0;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct ReleaseArgs {
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint32_t flags = 0;          // of the open file
  uint32_t release_flags = 0;  // release_flag
  uint64_t lock_owner = 0;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Release : ReleaseArgs {
  static constexpr Opcode opcode = Opcode::release;
};

struct Releasedir : ReleaseArgs {
  static constexpr Opcode opcode = Opcode::releasedir;
};

struct FsyncArgs {
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint32_t fsync_flags = 0;  // fsync_flag
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Fsync : FsyncArgs {
  static constexpr Opcode opcode = Opcode::fsync;
};

struct Fsyncdir : FsyncArgs {
  static constexpr Opcode opcode = Opcode::fsyncdir;
};

struct Fallocate {
  static constexpr Opcode opcode = Opcode::fallocate;
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t offset = 0;
  uint64_t length = 0;
  uint32_t mode = 0;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Lseek {
  static constexpr Opcode opcode = Opcode::lseek;
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t offset = 0;
  uint32_t whence = 0;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

// COPY_FILE_RANGE and COPY_FILE_RANGE_64, which differ in the reply. The header's node is the
// source.
struct CopyFileRange {
  static constexpr Opcode opcode = Opcode::copy_file_range;
  static constexpr bool node_in_header = true;
  HandleId handle_in;
  uint64_t off_in = 0;
  NodeId node_out;
  HandleId handle_out;
  uint64_t off_out = 0;
  uint64_t len = 0;
  uint64_t flags = 0;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle_in);
    v.node(node_out);
    v.handle(handle_out);
  }
};

struct Ioctl {
  static constexpr Opcode opcode = Opcode::ioctl;
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint32_t flags = 0;  // ioctl_flag
  uint32_t cmd = 0;
  uint64_t arg = 0;
  uint32_t out_size = 0;
  std::span<const std::byte> data;
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct Poll {
  static constexpr Opcode opcode = Opcode::poll;
  static constexpr bool node_in_header = true;
  HandleId handle;
  uint64_t kernel_handle = 0;  // the kernel's own, given back in notify_poll()
  uint32_t flags = 0;          // poll_flag
  uint32_t events = 0;         // 0 before 7.21
  template <class V>
  void visit_ids(V&& v) {
    v.handle(handle);
  }
};

struct SetupMapping {
  static constexpr Opcode opcode = Opcode::setupmapping;
  static constexpr bool node_in_header = true;
  // The kernel maps without an open file and then says ~0, which is no handle.
  bool has_handle = false;
  HandleId handle;
  uint64_t file_offset = 0;
  uint64_t len = 0;
  uint64_t flags = 0;  // setupmapping_flag
  uint64_t memory_offset = 0;
  template <class V>
  void visit_ids(V&& v) {
    if (has_handle) v.handle(handle);
  }
};

class RemoveMapping {
 public:
  static constexpr Opcode opcode = Opcode::removemapping;
  static constexpr bool node_in_header = true;
  struct Entry {
    uint64_t memory_offset;
    uint64_t len;
  };

  RemoveMapping() = default;
  // `bytes` holds whole entries only.
  explicit RemoveMapping(std::span<const std::byte> bytes) : bytes_(bytes) {}
  size_t size() const;
  Entry operator[](size_t index) const;
  template <class V>
  void visit_ids(V&&) {}

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace fuse3::wire
