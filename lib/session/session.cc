#include "session/session.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "cuse/device.h"
#include "lowlevel/negotiate.h"
#include "mount/mount.h"
#include "options/opt.h"
#include "reconnect/seam/reconnect.h"
#include "session/direct_seam.h"
#include "support/log.h"
#include "support/standard_streams.h"

fuse_session::fuse_session()
    : transport(std::make_unique<fuse3::DeviceTransport>()), owner(::getuid()) {
  sizes.receive = fuse3::receive_size(fuse3::max_pages_limit());
}

fuse_session::~fuse_session() = default;

int fuse_session::device(size_t index) {
  std::lock_guard guard(device_lock);
  return index < devices.size() ? devices[index].get() : -1;
}

fuse3::Result<size_t> fuse_session::add_clone() {
  auto fd = transport->clone(device(0));
  if (!fd) {
    fuse3::log_error("fuse: cannot clone the device, workers share one: %s",
                     std::strerror(fd.error()));
    return fd.as_error();
  }
  const int raw = fd->get();
  size_t index = 0;
  {
    std::lock_guard guard(device_lock);
    index = devices.size();
    devices.push_back(std::move(*fd));
  }
  // Whoever holds the connection while no server runs must have it before a request is read from it.
  if (const auto held = seam->device_added(index, raw); !held) {
    // Nobody reads from it yet. Only the monitor makes clones, so it is still the last.
    std::lock_guard guard(device_lock);
    devices.pop_back();
    return held.as_error();
  }
  return index;
}

namespace fuse3 {
namespace {

bool only_program_name_left(const fuse_args& args) {
  if (args.argc == 1) return true;
  std::string rest;
  for (int i = 1; i < args.argc; ++i) {
    if (!rest.empty()) rest += ' ';
    rest += args.argv[i];
  }
  log_error("fuse: unknown option(s): `%s'", rest.c_str());
  return false;
}

// Requests know their device by its number, and may be answered later than this. It must not become
// that of a file which the program opens meanwhile.
void retire_devices(fuse_session& session) {
  std::lock_guard guard(session.device_lock);
  for (UniqueFd& device : session.devices) {
    if (replace_by_null(device.get())) session.retired.push_back(std::move(device));
  }
  session.devices.clear();
}

// What a program that was built against newer headers has more than we know must be zero.
bool copy_operations(fuse_session& session, const fuse_lowlevel_ops* ops, size_t size) {
  if (size > sizeof session.ops) {
    log_error("fuse: the program was built for a newer library: it has %zu bytes of operations, "
              "of which %zu are known here; the rest is ignored",
              size, sizeof session.ops);
    size = sizeof session.ops;
  }
  std::memcpy(&session.ops, ops, size);
  return true;
}

}  // namespace

fuse_session* new_session(fuse_args* args, const fuse_lowlevel_ops* ops, size_t ops_size,
                          void* userdata) {
  if (args == nullptr || args->argc == 0) {
    log_error("fuse: an empty argument vector was passed to fuse_session_new()");
    return nullptr;
  }
  if (!open_standard_streams()) return nullptr;
  auto session = std::make_unique<fuse_session>();
  OwnedArgs rest(*args);
  auto options = parse_session_options(rest.get());
  if (!options) return nullptr;
  auto mount_options = MountOptions::parse(rest.get());
  if (!mount_options) return nullptr;
  if (!only_program_name_left(*rest.get())) return nullptr;
  session->options = std::move(*options);
  session->mount_options = std::move(*mount_options);
  copy_operations(*session, ops, ops_size);
  session->connection.max_read = session->mount_options.max_read.value_or(0);
  session->userdata = userdata;
  session->seam = std::make_unique<DirectSeam>(*session);
  session->buffer_lane = take_lane(*session);
  return session.release();
}

// A mount that was not unmounted ends as it does when a server ends without reconnect.
void destroy_session(fuse_session* session) {
  if (session->mounted && session->seam->stopping()) session->seam->stopped();
  if (session->stage == LifeStage::initialised && session->ops.destroy != nullptr) {
    session->stage = LifeStage::destroyed;
    session->ops.destroy(session->userdata);
  }
  delete session;
}

Lane* take_lane(fuse_session& session) {
  std::lock_guard guard(session.lane_lock);
  if (session.idle_lanes.empty()) {
    session.lanes.push_back(std::make_unique<Lane>());
    return session.lanes.back().get();
  }
  Lane* lane = session.idle_lanes.back();
  session.idle_lanes.pop_back();
  return lane;
}

void give_lane(fuse_session& session, Lane* lane) {
  std::lock_guard guard(session.lane_lock);
  session.idle_lanes.push_back(lane);
}

Result<void> mount_session(fuse_session& session, const char* mountpoint) {
  static std::atomic<unsigned> mounts{0};
  session.ordinal = mounts.fetch_add(1, std::memory_order_relaxed) + 1;
  session.owner = ::getuid();
  const auto assigned = reconnect::take_over_assigned(session, mountpoint);
  if (!assigned) return assigned.as_error();
  if (*assigned) return {};
  const auto stored = reconnect::take_over_stored(session, mountpoint);
  if (!stored) return stored.as_error();
  if (*stored) return {};
  if (session.options.reattach) {
    const auto taken = reconnect::take_over_if_served_before(session, mountpoint);
    if (!taken) return taken.as_error();
    if (*taken) return {};
  }
  auto mounted = mount(mountpoint, session.mount_options);
  if (!mounted) return mounted.as_error();
  session.devices.push_back(std::move(mounted->device));
  session.auto_unmount = std::move(mounted->auto_unmount);
  session.mountpoint = std::move(mounted->path);
  session.mounted = true;
  if (!session.options.reattach) return {};
  const auto started = reconnect::start(session);
  if (!started) unmount_session(session);
  return started;
}

void unmount_session(fuse_session& session) {
  if (!session.mounted) return;
  session.mounted = false;
  const bool ours = session.seam->stopping();
  if (ours) {
    std::lock_guard guard(session.device_lock);
    const std::span<const UniqueFd> all(session.devices);
    unmount(session.mountpoint.c_str(), all[0].get(), all.subspan(1));
  }
  if (ours) session.seam->stopped();
  session.auto_unmount.reset();
  retire_devices(session);
}

Result<void> use_custom_io(fuse_session& session, const fuse_custom_io* io, size_t io_size,
                           int fd) {
  if (fd < 0) {
    log_error("fuse: fuse_session_custom_io() got descriptor %d", fd);
    return Error{EBADF};
  }
  if (io == nullptr || io->writev == nullptr || io->read == nullptr) {
    log_error("fuse: fuse_session_custom_io() needs both a read and a writev function");
    return Error{EINVAL};
  }
  fuse_custom_io known{};
  std::memcpy(&known, io, std::min(io_size, sizeof known));
  session.transport = std::make_unique<CustomTransport>(known, session.userdata);
  retire_devices(session);
  std::lock_guard guard(session.device_lock);
  session.devices.emplace_back(fd);
  return {};
}

}  // namespace fuse3
