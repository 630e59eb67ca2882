#include "reconnect/seam/reconnect_seam.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "options/buf_copy.h"
#include "reconnect/seam/announce.h"
#include "session/direct_seam.h"
#include "support/clock.h"
#include "support/log.h"
#include "wire/flags.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

// A program may serve several mounts; it goes into the background once.
std::mutex seams_lock;
std::vector<ReconnectSeam*> seams;

}  // namespace

ReconnectSeam::ReconnectSeam(fuse_session& session, std::unique_ptr<State> state,
                             std::unique_ptr<Holder> holder, UniqueFd runtime_dir,
                             std::string runtime_path, bool successor, int previous_end)
    : session_(session),
      state_(std::move(state)),
      holder_(std::move(holder)),
      runtime_dir_(std::move(runtime_dir)),
      runtime_path_(std::move(runtime_path)),
      successor_(successor),
      previous_end_(previous_end),
      began_ns_(monotonic_ns()),
      left_(std::make_unique<std::atomic<uint8_t>[]>(state_->mapping().sections().max_slots)) {
  if (session_.names_are_nodes) state_->nodes().set_names_are_nodes();
  state_->nodes().set_rename_unsettled(
      [this](NodeId parent, std::string_view name) { return rename_unsettled(parent, name); });
  session_.retrieves.begin_generation(state_->generation().value);
  if (successor_) session_.own_loop.ring();  // there is something before any new request
  if (session_.options.reattach_notify) find_service_manager();
  if (successor_) announce(stage_in_words("recovering"));
  std::lock_guard guard(seams_lock);
  seams.push_back(this);
}

// A successor that gave up may live on as a process, and must not look like the server then. Before
// the holder hears of it: who comes next asks the state.
ReconnectSeam::~ReconnectSeam() {
  if (successor_ && !serving_.load(std::memory_order_acquire) &&
      state_->server().pid == ::getpid()) {
    state_->leave();
  }
  std::lock_guard guard(seams_lock);
  std::erase(seams, this);
}

ReconnectSeam* ReconnectSeam::of(const fuse_session& session) {
  std::lock_guard guard(seams_lock);
  const auto found = std::find(seams.begin(), seams.end(), session.seam.get());
  return found != seams.end() ? *found : nullptr;
}

void ReconnectSeam::all_after_daemonize_fork() {
  std::lock_guard guard(seams_lock);
  for (ReconnectSeam* seam : seams) {
    seam->state_->set_pid(::getpid());
    if (seam->holder_) seam->holder_->after_daemonize_fork();
  }
}

std::string ReconnectSeam::stage_in_words(const char* stage) const {
  return std::string(stage) + ' ' + session_.mountpoint + ", connection " +
         std::to_string(state_->connection()) + ", generation " +
         std::to_string(state_->generation().value);
}

// READY=1 is for the service as a whole.
void ReconnectSeam::announce_served() {
  bool all = true;
  {
    std::lock_guard guard(seams_lock);
    for (const ReconnectSeam* seam : seams) all &= seam->serving_.load(std::memory_order_acquire);
  }
  announce_serving(stage_in_words("serving"), all);
}

bool ReconnectSeam::raise(fuse_req& req, IdRefs& ids) {
  Slot slot = slot_of(req);
  if (req.row->opcode == wire::Opcode::init) {
    const auto saved = state_->save_init_request(slot.request());
    if (!saved) log_error("fuse: the INIT request is too long to be kept");
  }
  if (req.rerun && !req.cleared) {
    slot.set_flags(0);
    if (const int error = objection_to_rerun(req); error != 0) {
      answer(req, error);
      return false;
    }
  }
  if (take_locks_first(req)) return false;
  if (remove_hidden_before(req)) return false;
  NodeTable& nodes = state_->nodes();
  HandleTable& handles = state_->handles();
  for (const IdRef& ref : ids.all()) {
    if (ref.kind == IdRef::Kind::node) {
      const auto node = nodes.find(NodeId{*ref.id});
      if (!node) {
        answer(req, node.error());
        return false;
      }
      if (!nodes.bound(node->index)) {
        park_and_revive(req, ref);
        return false;
      }
      *ref.id = nodes.fs_ino(node->index);
    } else if (*ref.id != 0) {
      // 0: the filesystem has answered an open with ENOSYS, so the kernel opens without asking.
      const auto handle = handles.find(HandleId{*ref.id});
      if (!handle) {
        answer(req, handle.error());
        return false;
      }
      if (!handles.bound(handle->index)) {
        park_and_revive(req, ref);
        return false;
      }
      *ref.id = handles.fs_fh(handle->index);
    }
  }
  if (revive_open_files(req)) return false;
  if (const int error = objection_to_locking(req); error != 0) {
    answer(req, error);
    return false;
  }
  if (conceals_lookup(req)) return false;
  if (hide_before(req) || ask_before_first_run(req)) return false;
  if (req.rerun && !req.cleared && check_before(req)) return false;
  if (read_on(req)) return false;
  if (req.row->opcode == wire::Opcode::poll) note_poller(req);
  slot.start_running();
  OwnLoop::called();
  return true;
}

// A successor died while it opened it again, and its file has another mode since.
bool ReconnectSeam::is_lent(IdRef stale) const {
  if (stale.kind != IdRef::Kind::handle) return false;
  const auto handle = state_->handles().find(HandleId{*stale.id});
  return handle && state_->handles().lent_mode(handle->index) != 0;
}

// The request waits; once the object is known it starts again from its bytes. A handle that a dead
// server had opened needs no closing: then only the tables change. But with the last one a hidden
// file has to go, if it has not gone yet, and a mode that was lent has to be put back.
void ReconnectSeam::park_and_revive(fuse_req& req, IdRef stale) {
  const bool released = req.row->replay == Replay::released;
  if (released && !node_in_use(req) && !is_lent(stale)) return answer(req, 0);
  const auto go_on = [this, &req, released](int error) {
    if (error == 0) return run_again(req);
    answer(req, released ? 0 : error);
  };
  const Absence absence = released ? Absence::expected : Absence::reported;
  if (stale.kind == IdRef::Kind::handle) {
    return revive_handle(req, HandleId{*stale.id}, go_on, absence);
  }
  const auto node = state_->nodes().find(NodeId{*stale.id});
  if (!node) return answer(req, node.error());
  revive_node(req, node->index, go_on, absence);
}

void ReconnectSeam::run_again(fuse_req& req) {
  session_.own_loop.call([&req] { req.row->run(req); });
}

// An answer of the library's own.
void ReconnectSeam::answer(fuse_req& req, int error) {
  req.rerun = false;
  reply(req, {.error = -error});
}

void ReconnectSeam::no_reply(fuse_req& req) {
  end(req, slot_of(req));
}

int ReconnectSeam::reply_data(fuse_req& req, fuse_bufvec& data, fuse_buf_copy_flags flags) {
  // Memory of the filesystem's goes through the slot, as in reply_unstored().
  if (data.count - data.idx == 1 && (data.buf[data.idx].flags & FUSE_BUF_IS_FD) == 0) {
    const fuse_buf& buf = data.buf[data.idx];
    const iovec piece{static_cast<std::byte*>(buf.mem) + data.off, buf.size - data.off};
    return reply(req, {.pieces = &piece, .piece_count = 1});
  }
  // Of a directory the ids have to be replaced, what it grants counted, and what it delivers noted;
  // what cannot be read again is stored.
  if (is_listing(req) || reads_one_way(req)) {
    std::vector<std::byte> bytes(buf_size(data));
    fuse_bufvec into = FUSE_BUFVEC_INIT(bytes.size());
    into.buf[0].mem = bytes.data();
    const ssize_t got = buf_copy(&into, &data, flags);
    if (got < 0) return reply(req, {.error = static_cast<int>(got)});
    const iovec piece{bytes.data(), static_cast<size_t>(got)};
    return reply(req, {.pieces = &piece, .piece_count = 1});
  }
  const int result = send_data(req, data, flags);
  end(req, slot_of(req));
  return result;
}

// The kernel's counts change before the filesystem is told: when the server dies in between, its
// counts are gone with it.
void ReconnectSeam::forget(fuse_req& req, std::span<fuse_forget_data> items, bool batch) {
  const Slot slot = slot_of(req);
  OwnLoop::called();
  size_t kept = 0;
  for (size_t i = slot.progress(); i < items.size(); ++i) {
    const bool last = i + 1 == items.size();
    const auto publish =
        last ? SlotPublish::done() : SlotPublish::progress(static_cast<uint32_t>(i + 1));
    const auto told = state_->nodes().forget(slot, NodeId{items[i].ino}, items[i].nlookup, publish);
    if (told && told->count > 0) items[kept++] = {told->fs_ino, told->count};
  }
  // Already empty, unless there was nothing to forget.
  Slot mine = slot;
  if (mine.used()) mine.finish();
  slot_done(slot.index());
  req.place.slot = 0;
  tell_forgets(*req.lane);
  if (kept == 0) return req.lane->answered(req);
  pass_forgets(req, items.first(kept), batch);
}

std::optional<NodeId> ReconnectSeam::node_of(fuse_ino_t ino) {
  if (ino == FUSE_ROOT_ID) return kRootNode;
  return state_->nodes().node_id_of_fs_ino(ino);
}

// A filesystem that calls its files by their inode numbers does so in each incarnation: what it
// says of one that is not bound yet is true of the node with that number.
std::optional<NodeId> ReconnectSeam::node_to_invalidate(fuse_ino_t ino) {
  if (const auto node = node_of(ino)) return node;
  if (!successor_ || session_.inode_numbers != InodeNumbers::filesystem) return std::nullopt;
  return state_->nodes().stale_node_of_inode(ino);
}

Result<void> ReconnectSeam::device_added(size_t index, int fd) {
  const auto added = state_->add_device();
  if (!added) return added.as_error();
  if (!holder_) return {};
  return holder_->add_device(static_cast<unsigned>(index), fd);
}

// A successor that never got so far as to serve leaves the mount to the next one, and so does who
// made way for another.
bool ReconnectSeam::stopping() {
  if (successor_ && !serving_.load(std::memory_order_acquire)) return false;
  if (leave_.load(std::memory_order_acquire) == Leave::left) return false;
  leave_.store(Leave::no, std::memory_order_release);
  if (!holder_) return true;
  const auto gone = holder_->goodbye();
  if (!gone) log_error("fuse: cannot end what holds the mount: %s", std::strerror(gone.error()));
  announce(stage_in_words("unmounting"));
  return true;
}

// A kernel that waits for successors would now wait for one that cannot come.
void ReconnectSeam::stopped() {
  if ((session_.negotiated.flags & wire::init_flag::successor) == 0) return;
  pollfd device{session_.device(0), 0, 0};
  if (::poll(&device, 1, 0) != 0) return;  // it has ended, and somebody else may have its number
  const std::string path =
      "/sys/fs/fuse/connections/" + std::to_string(state_->connection()) + "/abort";
  const UniqueFd control(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (control && ::write(control.get(), "1", 1) == 1) return;
  log(FUSE_LOG_WARNING, "fuse: cannot write to %s: who still uses %s waits for %u seconds",
      path.c_str(), session_.mountpoint.c_str(), session_.options.reattach_timeout);
}

}  // namespace fuse3::reconnect
