#include "highlevel/high_level.h"

#include <memory>
#include <utility>
#include <vector>

#include "highlevel/context.h"
#include "highlevel/fuse_struct.h"
#include "highlevel/hidden.h"
#include "highlevel/interrupt_signal.h"
#include "highlevel/operations.h"
#include "lowlevel/groups.h"
#include "lowlevel/notifications.h"
#include "options/loop_config.h"

namespace fuse3 {
namespace {

// What was hidden and is still open will be closed by nobody any more.
void remove_all_hidden(fuse& owner) {
  std::vector<Node*> hidden;
  owner.tree.for_each([&](Node& node) {
    owner.tree.with(node, [&] {
      if (!node.hidden) return;
      node.opens = 0;
      ++node.holds;
      hidden.push_back(&node);
    });
  });
  thread_context() = {};
  thread_context().shown.fuse = &owner;
  for (Node* node : hidden) remove_hidden(owner, *node);
  thread_context() = {};
}

}  // namespace

fuse* make_high_level(fuse_args* args, fuse_fs* top, const fuse_config& config) {
  auto owner = std::make_unique<fuse>();
  owner->top = top;
  owner->config = config;
  const fuse_lowlevel_ops ops = high_level_operations(*top);
  owner->session = new_session(args, &ops, sizeof ops, owner.get());
  if (owner->session == nullptr) {
    layer::destroy(top);
    return nullptr;
  }
  owner->session->names_are_nodes = true;
  if (config.intr != 0) install_interrupt_signal(*owner);
  return owner.release();
}

void destroy_high_level(fuse* owner) {
  stop_all_cleaning(*owner);
  // Who leaves a mount that another process will serve leaves its files as well.
  if (owner->top != nullptr && owner->session->stage == LifeStage::initialised) {
    remove_all_hidden(*owner);
  }
  destroy_session(std::exchange(owner->session, nullptr));
  remove_interrupt_signal(*owner);
  // It was never begun, so it does not end either.
  if (owner->top != nullptr) layer::destroy(owner->top);
  delete owner;
}

fuse_session* session_of(fuse& owner) {
  return owner.session;
}

int mount_high_level(fuse& owner, const char* mountpoint) {
  return mount_session(*owner.session, mountpoint) ? 0 : -1;
}

void unmount_high_level(fuse& owner) {
  unmount_session(*owner.session);
}

int loop_high_level(fuse& owner) {
  return run_single_threaded(*owner.session);
}

int loop_mt_high_level(fuse& owner, const fuse_loop_config& config) {
  return run_multi_threaded(*owner.session,
                            {config.clone_fd != 0, config.max_threads, config.max_idle_threads});
}

int invalidate_path(fuse& owner, const char* path) {
  Node* node = owner.tree.walk(path);
  if (node == nullptr) return -ENOENT;
  const uint64_t number = node->index;
  owner.tree.release(*node);
  return notify_inval_inode(*owner.session, number, 0, 0);
}

int context_groups(int size, gid_t list[]) {
  const fuse_req* req = thread_context().request;
  return req != nullptr ? supplementary_groups(req->context.pid, size, list) : -ENOSYS;
}

bool context_interrupted() {
  fuse_req* req = thread_context().request;
  return req != nullptr && req->lane->interrupted(*req);
}

}  // namespace fuse3
