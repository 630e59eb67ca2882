// A request while it is being worked on: the filesystem sees who asks, and can be interrupted.
#pragma once

#include "highlevel/context.h"
#include "highlevel/fuse_struct.h"
#include "highlevel/path_hold.h"
#include "lowlevel/operation.h"
#include "lowlevel/replies.h"

namespace fuse3 {

class Call {
 public:
  explicit Call(fuse_req_t req);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  fuse& owner;
  fuse_req& req;
  Tree& tree;
  fuse_fs& fs;
  const fuse_config& config;

 private:
  static void on_interrupt(fuse_req_t, void* data);

  const ThreadContext before_;  // a request may come up while another is on this thread
  // With `intr`: the thread that gets the signal.
  const bool interruptible_;
  pthread_t thread_{};
  std::atomic<uint32_t> finished_{0};  // futex
};

// ---- entries.cc: what all entries and attributes that go to the kernel have in common

// Applies the options on owner, group, permissions and inode numbers. `number` is the node's.
void adapt(const fuse_config& config, uint64_t number, struct stat& attributes);
// What the kernel calls the request's own node.
uint64_t own_number(const fuse_req& req);

// A name that is there becomes a node that the kernel knows; 0 or a negative errno.
int make_entry(Call& call, Node& parent, std::string_view name, const struct stat& attributes,
               fuse_entry_param& entry);
// The same, asking the filesystem for the attributes first.
int find_entry(Call& call, const PathHold& path, std::string_view name, fuse_file_info* info,
               fuse_entry_param& entry, size_t end = 0);
// Answers with the entry, or with the error; takes the lookup back if nobody waits for it any more.
void finish_entry(Call& call, int error, const fuse_entry_param& entry);

void forget_lookup(Call& call, uint64_t number, uint64_t count);

// auto_cache: attributes were seen; and a file is being opened, so what the kernel has cached of it
// is kept or not.
void see_contents(Tree& tree, Node& node, const struct stat& attributes);
void apply_auto_cache(Call& call, Node& node, const char* path, fuse_file_info& info);

// The path for an operation on an open file: null if the filesystem does not want one. A filesystem
// that does is not asked about a file that has none any more (ENOENT), except where it has to know.
class HandlePath {
 public:
  HandlePath(Call& call, uint64_t node, const fuse_file_info* info);
  // 0 or a negative errno.
  int error() const { return error_; }
  const char* path() const { return path_; }
  void release() { hold_.release(); }

 private:
  PathHold hold_;
  const char* path_ = nullptr;
  int error_ = 0;
};

inline void finish(Call& call, int error) {
  reply_error(call.req, -error);
}

}  // namespace fuse3
