// What is said to /dev/fuse by other means than read and write: its ioctls and its io_uring
// commands.
#pragma once

#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace fuse3::wire {

struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};

// Makes a device that was just opened the one of a connection whose server is gone.
struct Attach {
  uint32_t fd;     // an open file of the mount, O_PATH will do
  uint32_t flags;  // 1: also if the server is not gone
  uint64_t generation;
};

inline constexpr unsigned kDeviceIoctlMagic = 229;
inline constexpr unsigned long kDeviceClone = _IOR(kDeviceIoctlMagic, 0, uint32_t);
inline constexpr unsigned long kDeviceBackingOpen = _IOW(kDeviceIoctlMagic, 1, BackingMap);
inline constexpr unsigned long kDeviceBackingClose = _IOW(kDeviceIoctlMagic, 2, uint32_t);
inline constexpr unsigned long kDeviceSyncInit = _IO(kDeviceIoctlMagic, 3);
// Of a kernel with the series in kernel/.
inline constexpr unsigned long kDeviceReinit = _IO(kDeviceIoctlMagic, 0);
inline constexpr unsigned long kDeviceAttach = _IOW(kDeviceIoctlMagic, 32, Attach);

enum class UringCommand : uint32_t {
  invalid = 0,
  register_entry = 1,
  commit_and_fetch = 2,
};

// The command area of the 128-byte submission entry.
struct UringCmdReq {
  uint64_t flags;
  uint64_t commit_id;
  uint16_t qid;
  uint8_t padding[6];
};

struct UringEntInOut {
  uint64_t flags;
  uint64_t commit_id;
  uint32_t payload_sz;
  uint32_t padding;
  uint64_t reserved;
};

inline constexpr size_t kUringInOutHeaderSize = 128;
inline constexpr size_t kUringOpHeaderSize = 128;

// The first of an entry's two buffers. `in_out` holds an InHeader on the way up and an OutHeader on
// the way down; `op_in` the fixed part of the request. Everything else is in the payload.
struct UringReqHeader {
  std::byte in_out[kUringInOutHeaderSize];
  std::byte op_in[kUringOpHeaderSize];
  UringEntInOut ring_ent_in_out;
};

}  // namespace fuse3::wire
