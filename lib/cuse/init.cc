// CUSE_INIT: the device's counterpart of INIT.
#include <unistd.h>

#include <algorithm>

#include "cuse/device.h"
#include "cuse/rows.h"
#include "lowlevel/operation.h"
#include "support/log.h"

namespace fuse3::cuse {
namespace {

constexpr uint32_t kOldestMinor = 11;      // the first with CUSE
constexpr uint32_t kPagesPerRequest = 32;  // the kernel's limit; there is no negotiating of another
constexpr uint32_t kLeast = 4096;          // for the kernel a smaller limit is this one

fuse_conn_info initial_connection(const fuse_session& session, const wire::CuseInit& offer) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto most =
      static_cast<uint32_t>(std::min(session.sizes.receive - page, kPagesPerRequest * page));
  fuse_conn_info conn = session.connection;
  conn.proto_major = offer.major;
  conn.proto_minor = offer.minor;
  conn.max_write = most;
  conn.max_read = most;
  return conn;
}

uint32_t device_flags(const Device& device, const wire::CuseInit& offer) {
  const uint32_t known = device.flags & wire::cuse_flag::unrestricted_ioctl;
  if ((known & ~offer.flags) != 0) {
    log(FUSE_LOG_WARNING, "cuse: this kernel does not offer unrestricted ioctls");
  }
  return known & offer.flags;
}

void refuse(fuse_req& req, const wire::CuseInit& offer) {
  log_error("cuse: the kernel speaks protocol %u.%u; at least %u.%u is needed, and no other major",
            offer.major, offer.minor, wire::kMajor, kOldestMinor);
  reply_error(req, EPROTO);
  fail_session(*req.session, -EPROTO);
}

void init(fuse_req& req, const wire::CuseInit& offer) {
  if (offer.major != wire::kMajor || offer.minor < kOldestMinor) return refuse(req, offer);
  fuse_session& session = *req.session;
  const Device& device = *session.cuse;
  fuse_conn_info conn = initial_connection(session, offer);
  const uint32_t most = conn.max_write;
  if (device.ops.init != nullptr) device.ops.init(session.userdata, &conn);
  conn.max_write = std::clamp(conn.max_write, kLeast, most);
  conn.max_read = std::clamp(conn.max_read, kLeast, most);
  session.connection = conn;
  session.negotiated.minor = std::min(offer.minor, wire::kMinor);
  session.negotiated.max_write = conn.max_write;
  session.stage = LifeStage::initialised;

  wire::CuseInitOut out{};
  out.major = wire::kMajor;
  out.minor = session.negotiated.minor;
  out.flags = device_flags(device, offer);
  out.max_read = conn.max_read;
  out.max_write = conn.max_write;
  out.dev_major = device.major;
  out.dev_minor = device.minor;
  const iovec pieces[] = {{&out, sizeof out},
                          {const_cast<char*>(device.info.data()), device.info.size()}};
  if (reply(req, {.pieces = pieces, .piece_count = 2}) == 0 && device.ops.init_done != nullptr) {
    device.ops.init_done(session.userdata);
  }
}

constexpr Row kRow{wire::Opcode::cuse_init, "CUSE_INIT", operation<wire::CuseInit, init>,
                   Replay::none};

}  // namespace

const Row* init_row() {
  return &kRow;
}

}  // namespace fuse3::cuse
