#include "cuse/device.h"

#include <cstring>
#include <memory>

#include "session/session.h"
#include "support/log.h"
#include "wire/flags.h"

namespace fuse3::cuse {
namespace {

const cuse_lowlevel_ops& ops(fuse_req_t req) {
  return req->session->cuse->ops;
}

// The operation of a filesystem that calls the one of a device: the same, with a node.
template <auto Operation, class Signature>
struct WithoutNode;

template <auto Operation, class... Args>
struct WithoutNode<Operation, void (*)(fuse_req_t, Args...)> {
  static void call(fuse_req_t req, fuse_ino_t, Args... args) {
    (ops(req).*Operation)(req, args...);
  }
};

void ioctl(fuse_req_t req, fuse_ino_t, unsigned cmd, void* arg, fuse_file_info* info,
           unsigned flags, const void* in, size_t in_size, size_t out_size) {
  ops(req).ioctl(req, static_cast<int>(cmd), arg, info, flags, in, in_size, out_size);
}

fuse_lowlevel_ops operations(const cuse_lowlevel_ops& device) {
  fuse_lowlevel_ops result{};
  result.destroy = device.destroy;
#define FUSE3_SET(name)                                                               \
  if (device.name != nullptr) {                                                       \
    result.name = WithoutNode<&cuse_lowlevel_ops::name, decltype(device.name)>::call; \
  }
  FUSE3_SET(open)
  FUSE3_SET(read)
  FUSE3_SET(write)
  FUSE3_SET(flush)
  FUSE3_SET(release)
  FUSE3_SET(fsync)
  FUSE3_SET(poll)
#undef FUSE3_SET
  if (device.ioctl != nullptr) result.ioctl = ioctl;
  return result;
}

bool copy_info(Device& device, const cuse_info& info) {
  for (unsigned i = 0; i < info.dev_info_argc; ++i) {
    device.info.append(info.dev_info_argv[i], std::strlen(info.dev_info_argv[i]) + 1);
  }
  if (device.info.size() <= wire::kCuseInitInfoMax) return true;
  log_error("cuse: dev_info_argv has %zu bytes, of which the kernel takes %u at most",
            device.info.size(), wire::kCuseInitInfoMax);
  return false;
}

}  // namespace

fuse_session* new_session(fuse_args* args, const cuse_info& info, const cuse_lowlevel_ops& ops,
                          void* userdata) {
  auto device = std::make_unique<Device>();
  device->ops = ops;
  device->major = info.dev_major;
  device->minor = info.dev_minor;
  device->flags = info.flags;
  if (!copy_info(*device, info)) return nullptr;
  const fuse_lowlevel_ops table = operations(ops);
  fuse_session* session = fuse3::new_session(args, &table, sizeof table, userdata);
  if (session == nullptr) return nullptr;
  if (session->options.reattach) {
    log(FUSE_LOG_WARNING,
        "cuse: reconnect does not work for devices: this one ends with its process");
  }
  session->cuse = std::move(device);
  return session;
}

}  // namespace fuse3::cuse
