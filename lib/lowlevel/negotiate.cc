#include "lowlevel/negotiate.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "lowlevel/capabilities.h"
#include "options/feature_flags.h"
#include "support/log.h"
#include "support/newer_fields.h"

namespace fuse3 {
namespace {

namespace flag = wire::init_flag;

constexpr size_t kPagesWithoutNegotiation = 32;
constexpr size_t kPagesDefaultLimit = 256;
constexpr size_t kPagesMost = 65535;

size_t page_size() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

// Before 7.28 (no max_pages) a request carries at most 32 pages.
uint32_t possible_max_write(const fuse_session& session, uint64_t offered) {
  const size_t header = page_size();
  size_t most = session.sizes.receive - header;
  if ((offered & flag::max_pages) == 0) most = std::min(most, kPagesWithoutNegotiation * page_size());
  return static_cast<uint32_t>(most);
}

fuse_conn_info initial_connection(const fuse_session& session, const wire::Init& offer) {
  fuse_conn_info conn = session.connection;
  conn.proto_major = offer.major;
  conn.proto_minor = offer.minor;
  conn.max_readahead = offer.max_readahead;
  conn.max_write = possible_max_write(session, offer.flags);
  conn.time_gran = 1;
  set_offered(conn, capabilities_of(offer.flags) | library_capabilities());
  set_wanted(conn, default_wants(session.ops, offered(conn)));
  return conn;
}

void clamp(fuse_conn_info& conn, const wire::Init& offer, uint32_t max_write) {
  const uint32_t page = static_cast<uint32_t>(page_size());
  conn.max_write = std::clamp(conn.max_write, page, max_write);
  conn.max_readahead = std::min(conn.max_readahead, offer.max_readahead);
  conn.max_background = std::min<uint32_t>(conn.max_background, UINT16_MAX);
  if (conn.max_background > 0) {
    if (conn.congestion_threshold == 0) conn.congestion_threshold = conn.max_background * 3 / 4;
    conn.congestion_threshold = std::min(conn.congestion_threshold, conn.max_background);
  }
  if (!wants(conn, FUSE_CAP_READDIRPLUS)) {
    set_wanted(conn, wanted(conn) & ~FUSE_CAP_READDIRPLUS_AUTO);
  }
}

wire::InitOut make_reply(const fuse_conn_info& conn, const wire::Init& offer,
                         std::optional<uint32_t> successor_timeout) {
  const uint32_t page = static_cast<uint32_t>(page_size());
  uint64_t flags = init_flags_of(wanted(conn)) | flag::big_writes;
  if ((offer.flags & flag::max_pages) != 0) flags |= flag::max_pages;
  if ((offer.flags & flag::init_ext) != 0) flags |= flag::init_ext;
  const uint16_t timeout = FUSE3_FIELD_OR(conn, request_timeout, 0);
  if ((offer.flags & flag::request_timeout) != 0 && timeout != 0) {
    flags |= flag::request_timeout;
  }
  if (successor_timeout) flags |= flag::successor;
  flags &= offer.flags | flag::big_writes;

  wire::InitOut out{};
  out.major = wire::kMajor;
  out.minor = wire::kMinor;
  out.max_readahead = conn.max_readahead;
  out.flags = static_cast<uint32_t>(flags);
  out.flags2 = static_cast<uint32_t>(flags >> 32);
  out.max_background = static_cast<uint16_t>(conn.max_background);
  out.congestion_threshold = static_cast<uint16_t>(conn.congestion_threshold);
  out.max_write = conn.max_write;
  out.time_gran = conn.time_gran;
  if ((flags & flag::max_pages) != 0) {
    out.max_pages = static_cast<uint16_t>((conn.max_write + page - 1) / page);
  }
  if ((flags & flag::passthrough) != 0) {
    // The kernel counts this filesystem, too.
    out.max_stack_depth = FUSE3_FIELD_OR(conn, max_backing_stack_depth, 0) + 1;
  }
  if ((flags & flag::request_timeout) != 0) out.request_timeout = timeout;
  if ((flags & flag::successor) != 0) out.successor_timeout = *successor_timeout;
  return out;
}

}  // namespace

size_t max_pages_limit() {
  size_t limit = kPagesDefaultLimit;
  if (FILE* file = std::fopen("/proc/sys/fs/fuse/max_pages_limit", "re")) {
    unsigned long value = 0;
    if (std::fscanf(file, "%lu", &value) == 1 && value > 0) limit = value;
    std::fclose(file);
  }
  return std::min(limit, kPagesMost);
}

size_t receive_size(size_t pages) { return (pages + 1) * page_size(); }

Result<Agreement> negotiate(fuse_session& session, const wire::Init& offer) {
  fuse_conn_info conn = initial_connection(session, offer);
  const uint32_t max_write = conn.max_write;
  remember_wanted(&conn);
  if (session.ops.init != nullptr) session.ops.init(session.userdata, &conn);
  if (convert_wanted(&conn) != 0) return Error{EPROTO};
  const uint64_t impossible = wanted(conn) & ~offered(conn);
  if (impossible != 0) {
    log_error("fuse: the filesystem's init() wants what this kernel does not offer: %s",
              capability_names(impossible).c_str());
    return Error{EPROTO};
  }
  if (session.options.reattach_holder == HolderChoice::kernel && session.successor_timeout &&
      (offer.flags & flag::successor) == 0) {
    log_error("fuse: reattach_holder=kernel: the kernel does not wait for servers of this mount");
    return Error{EPROTO};
  }
  clamp(conn, offer, max_write);

  Agreement agreement;
  agreement.reply = make_reply(conn, offer, session.successor_timeout);
  agreement.connection = conn;
  agreement.negotiated.minor = std::min(offer.minor, wire::kMinor);
  agreement.negotiated.flags = wire::flags_of(agreement.reply);
  agreement.negotiated.max_write = agreement.reply.max_write;
  agreement.negotiated.max_pages = agreement.reply.max_pages;
  return agreement;
}

void adopt(fuse_session& session, const Agreement& agreement) {
  session.connection = agreement.connection;
  session.negotiated = agreement.negotiated;
  session.stage = LifeStage::initialised;
}

std::string difference(const wire::InitOut& agreed, const wire::InitOut& wanted) {
  const uint64_t was = wire::flags_of(agreed);
  const uint64_t now = wire::flags_of(wanted);
  if (now & ~was) {
    return "it wants " + capability_names(capabilities_of(now & ~was)) +
           ", which was not negotiated when the filesystem was mounted";
  }
  if (was & ~now) {
    return "it does not want " + capability_names(capabilities_of(was & ~now)) +
           ", which the kernel has been using since the filesystem was mounted";
  }
  if (wanted.max_write < agreed.max_write) {
    return "it takes writes of at most " + std::to_string(wanted.max_write) +
           " bytes, but " + std::to_string(agreed.max_write) + " were negotiated";
  }
  return {};
}

}  // namespace fuse3
