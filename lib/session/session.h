// One connection to the kernel and the filesystem that serves it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fuse_lowlevel.h"
#include "mount/mount.h"
#include "session/lane.h"
#include "session/loop_thread.h"
#include "session/own_loop.h"
#include "session/retrieve.h"
#include "session/seam.h"
#include "session/session_options.h"
#include "transport/transport.h"
#include "wire/message.h"

namespace fuse3 {

namespace cuse {
struct Device;
}

// What the loops, the operations and the seams know of each other.
enum class LifeStage : uint8_t { fresh, initialised, destroyed };

// Whose inode numbers applications see.
enum class InodeNumbers : uint8_t {
  filesystem,  // those in its attributes; they tell which file it is
  node_ids,    // what the kernel calls the node; those in its attributes mean nothing
};

// Sizes agreed on with the kernel, or assumed until then.
struct BufferSizes {
  size_t receive = 0;  // the largest request, header included
};

struct LoopConfig {
  bool clone_fd = false;
  unsigned max_threads = 10;
  unsigned max_idle_threads = ~0u;  // beyond this, workers with nothing to do end
};

}  // namespace fuse3

struct fuse_session {
  fuse_session();
  ~fuse_session();
  fuse_session(const fuse_session&) = delete;
  fuse_session& operator=(const fuse_session&) = delete;

  // Given by the program; constant once the session is made.
  fuse_lowlevel_ops ops{};
  void* userdata = nullptr;
  fuse3::SessionOptions options;
  fuse3::MountOptions mount_options;
  std::unique_ptr<fuse3::cuse::Device> cuse;  // null: a filesystem

  // The connection. Device 0 is the one that was mounted; the others are clones. Descriptors are
  // added until the session is unmounted. From then on their numbers stand for /dev/null, until the
  // session ends: a late reply finds nothing there, and no file of the program's.
  std::unique_ptr<fuse3::Transport> transport;
  std::mutex device_lock;
  std::vector<fuse3::UniqueFd> devices;
  std::vector<fuse3::UniqueFd> retired;
  // The descriptor of an index; -1 if there is none.
  int device(size_t index);
  // Makes another one; its index.
  fuse3::Result<size_t> add_clone();

  // The filesystem's inodes are names, each of its own even where two name one file (high-level
  // API).
  bool names_are_nodes = false;
  fuse3::InodeNumbers inode_numbers = fuse3::InodeNumbers::filesystem;

  std::string mountpoint;
  unsigned ordinal = 0;  // of its fuse_session_mount() among this process's, from 1
  fuse3::UniqueFd auto_unmount;
  bool mounted = false;  // by us, so it is ours to unmount
  uid_t owner;           // who mounted, and not who the server has become since

  // What a kernel that waits for a server's successor by itself is to be asked for at INIT, in
  // seconds.
  std::optional<uint32_t> successor_timeout;

  // Agreed on at INIT.
  fuse3::LifeStage stage = fuse3::LifeStage::fresh;
  fuse_conn_info connection{};
  fuse3::wire::Negotiated negotiated;
  fuse3::BufferSizes sizes;
  std::atomic<bool> splices_replies{true};  // until the transport says that it cannot

  // Never null once made; `direct` stays as the one for what reconnect does not see.
  std::unique_ptr<fuse3::Seam> seam;

  // How the loop ends: a request to leave, and the loop's result (0, a negative errno or a signal).
  std::atomic<uint32_t> exit_word{0};  // futex; bit 0: leave, the rest counts wake-ups
  std::atomic<int> result{0};
  bool exited() const { return (exit_word.load(std::memory_order_acquire) & 1) != 0; }
  // Wakes the thread that called fuse_session_loop_mt(). Safe in signal handlers.
  void wake_monitor();
  // Sleeps until woken, if `exit_word` still is as it was seen.
  void monitor_sleep(uint32_t seen, const timespec* timeout);

  // One lane a worker, made on demand and kept.
  std::mutex lane_lock;
  std::vector<std::unique_ptr<fuse3::Lane>> lanes;
  std::vector<fuse3::Lane*> idle_lanes;

  fuse3::LoopThread loop_thread;  // of a single-threaded loop
  fuse3::RetrieveTable retrieves;
  // For programs that call fuse_session_receive_buf() and fuse_session_process_buf() themselves.
  fuse3::OwnLoop own_loop;
  fuse3::Lane* buffer_lane = nullptr;
  std::mutex buffered_lock;
  std::map<uint64_t, fuse3::Place> buffered;  // received and not yet processed, by unique
};

namespace fuse3 {

// A session of the operations in `ops`, with the options in `args`, all of which must be known.
// Null after a message.
fuse_session* new_session(fuse_args* args, const fuse_lowlevel_ops* ops, size_t ops_size,
                          void* userdata);
void destroy_session(fuse_session* session);

Result<void> mount_session(fuse_session& session, const char* mountpoint);
void unmount_session(fuse_session& session);
Result<void> use_custom_io(fuse_session& session, const fuse_custom_io* io, size_t io_size, int fd);

// Ends the loop. Safe in signal handlers.
void exit_session(fuse_session& session);
void reset_session(fuse_session& session);
void fail_session(fuse_session& session, int result);

Lane* take_lane(fuse_session& session);
void give_lane(fuse_session& session, Lane* lane);

// Runs one request that lies in `place`, `length` bytes long, of which `outside` more are in
// `data_pipe`.
void serve(fuse_session& session, Lane& lane, const Place& place, int device, size_t length,
           size_t outside, int data_pipe);

// The loops. 0 when unmounted or asked to leave, a negative errno, or the signal that ended it.
int run_single_threaded(fuse_session& session);
// At the end of a loop. True: it was to be left to another server, and cannot be.
bool loop_goes_on(fuse_session& session);
int run_multi_threaded(fuse_session& session, const LoopConfig& config);

}  // namespace fuse3
