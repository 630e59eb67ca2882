// Operations about the filesystem as a whole, and forgetting.
#include "highlevel/call.h"
#include "highlevel/high_level.h"
#include "highlevel/interrupt_signal.h"
#include "highlevel/ops.h"
#include "options/feature_flags.h"

namespace fuse3::hl {
namespace {

// Outside of requests the filesystem is called by the program itself.
class OwnCall {
 public:
  explicit OwnCall(fuse& owner) : before_(thread_context()) {
    thread_context() = {};
    thread_context().shown.fuse = &owner;
  }
  ~OwnCall() { thread_context() = before_; }
  OwnCall(const OwnCall&) = delete;
  OwnCall& operator=(const OwnCall&) = delete;

 private:
  const ThreadContext before_;
};

}  // namespace

void init(void* data, fuse_conn_info* connection) {
  fuse& owner = *static_cast<fuse*>(data);
  const OwnCall call(owner);
  set_feature_flag(connection, FUSE_CAP_EXPORT_SUPPORT);
  layer::init(*owner.top, *connection, owner.config);
  owner.tree.set_remember(owner.config.remember);
  (void)start_cleaner(owner);
  owner.session->inode_numbers =
      owner.config.use_ino != 0 ? InodeNumbers::filesystem : InodeNumbers::node_ids;
  if (owner.config.intr != 0) install_interrupt_signal(owner);
}

void destroy(void* data) {
  fuse& owner = *static_cast<fuse*>(data);
  const OwnCall call(owner);
  layer::destroy(std::exchange(owner.top, nullptr));
}

void forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  fuse& owner = *static_cast<fuse*>(req->session->userdata);
  if (Node* node = owner.tree.find(ino)) owner.tree.forget(*node, count);
  req->seam->no_reply(*req);
}

void forget_multi(fuse_req_t req, size_t count, fuse_forget_data* items) {
  fuse& owner = *static_cast<fuse*>(req->session->userdata);
  for (size_t i = 0; i < count; ++i) {
    if (Node* node = owner.tree.find(items[i].ino)) owner.tree.forget(*node, items[i].nlookup);
  }
  req->seam->no_reply(*req);
}

void statfs(fuse_req_t req, fuse_ino_t ino) {
  Call call(req);
  PathHold path(call.tree);
  struct statvfs facts {};
  int error = ino == 0 ? 0 : path.take(ino);
  if (error == 0) error = layer::statfs(call.fs, path.path(), &facts);
  path.release();
  if (error != 0) return finish(call, error);
  reply_statfs(call.req, facts);
}

void syncfs(fuse_req_t req, fuse_ino_t ino) {
  Call call(req);
  PathHold path(call.tree);
  int error = path.take(ino);
  if (error == 0) error = layer::syncfs(call.fs, path.path());
  path.release();
  finish(call, error);
}

}  // namespace fuse3::hl
