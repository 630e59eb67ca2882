#include "lowlevel/backing.h"

#include <sys/ioctl.h>

#include <cstring>

#include "session/session.h"
#include "support/log.h"
#include "wire/device.h"

namespace fuse3 {

int open_backing(fuse_req& req, int fd) {
  wire::BackingMap map{};
  map.fd = fd;
  const int id = ::ioctl(req.device, wire::kDeviceBackingOpen, &map);
  if (id > 0) {
    req.session->seam->backing_opened(static_cast<uint32_t>(id));
    return id;
  }
  log_error("fuse: the kernel does not take the backing file: %s", std::strerror(errno));
  return 0;
}

int close_backing(int device, int backing_id) {
  uint32_t id = static_cast<uint32_t>(backing_id);
  return ::ioctl(device, wire::kDeviceBackingClose, &id) == 0 ? 0 : -errno;
}

}  // namespace fuse3
