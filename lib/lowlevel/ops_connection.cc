// Requests about the connection itself, and those that have no reply.
#include <cstring>
#include <vector>

#include "lowlevel/negotiate.h"
#include "lowlevel/operation.h"
#include "lowlevel/rows.h"
#include "session/bare_reply.h"
#include "support/log.h"
#include "support/newer_fields.h"
#include "wire/reply.h"

namespace fuse3 {
namespace {

using wire::Opcode;

// The kernel gives up on a major version of its own when the reply names an older one, and asks
// again with that.
void reply_major(fuse_req& req) {
  wire::InitOut out{};
  out.major = wire::kMajor;
  out.minor = wire::kMinor;
  const iovec piece{&out, wire::init_out_size(0)};
  reply(req, {.pieces = &piece, .piece_count = 1});
}

void refuse_connection(fuse_req& req, int error) {
  reply_error(req, error);
  fail_session(*req.session, -error);
}

void init(fuse_req& req, const wire::Init& offer) {
  fuse_session& session = *req.session;
  if (offer.major > wire::kMajor) return reply_major(req);
  if (offer.major < wire::kMajor || offer.minor < wire::kOldestMinor) {
    log_error("fuse: the kernel speaks protocol %u.%u; at least %u.%u is needed", offer.major,
              offer.minor, wire::kMajor, wire::kOldestMinor);
    return refuse_connection(req, EPROTO);
  }
  const auto agreement = negotiate(session, offer);
  if (!agreement) return refuse_connection(req, agreement.error());
  adopt(session, *agreement);
  wire::InitOut out = agreement->reply;
  const iovec piece{&out, wire::init_out_size(offer.minor)};
  reply(req, {.pieces = &piece, .piece_count = 1});
}

void destroy(fuse_req& req, const wire::Destroy&) {
  fuse_session& session = *req.session;
  session.stage = LifeStage::destroyed;
  if (session.ops.destroy != nullptr) session.ops.destroy(session.userdata);
  reply_error(req, 0);
}

void forget(fuse_req& req) {
  const auto args = wire::decode<wire::Forget>(*req.message, req.session->negotiated);
  if (!args) return req.seam->no_reply(req);
  fuse_forget_data item{req.message->node().value, args->nlookup};
  req.seam->forget(req, {&item, 1}, false);
}

// As many as fit go in one call; the kernel sends batches of whatever length its buffer takes.
void batch_forget(fuse_req& req) {
  const auto args = wire::decode<wire::BatchForget>(*req.message, req.session->negotiated);
  if (!args) return req.seam->no_reply(req);
  // Reused by each worker, so that once warm nothing is allocated.
  static thread_local std::vector<fuse_forget_data> items;
  items.clear();
  for (size_t i = 0; i < args->size(); ++i) {
    const auto entry = (*args)[i];
    items.push_back({entry.node.value, entry.nlookup});
  }
  req.seam->forget(req, items, true);
}

Lane* lane_at(fuse_session& session, size_t index) {
  std::lock_guard guard(session.lane_lock);
  return index < session.lanes.size() ? session.lanes[index].get() : nullptr;
}

// The filesystem's function may take its time: no lock is held meanwhile.
bool interrupt_in_lanes(fuse_session& session, RequestId target) {
  for (size_t i = 0; Lane* lane = lane_at(session, i); ++i) {
    if (lane->interrupt(target)) return true;
  }
  return false;
}

// Not found means answered meanwhile, or received by a worker that has not looked at it yet: with
// EAGAIN the kernel asks again in the second case and ignores it in the first. It keeps the books
// for each device, and which one that request came from is not known here.
void ask_again(fuse_req& req) {
  fuse_session& session = *req.session;
  for (size_t i = 0; session.device(i) >= 0; ++i) {
    if (send_bare_reply(*session.transport, session.device(i), req.unique(), -EAGAIN)) return;
  }
}

void interrupt(fuse_req& req) {
  if (FUSE3_FIELD_OR(req.session->connection, no_interrupt, 0) != 0) return req.seam->no_reply(req);
  const auto args = wire::decode<wire::Interrupt>(*req.message, req.session->negotiated);
  // First, so that a successor knows of it whatever has been done about it.
  if (args) req.seam->interrupting(without_resent_bit(args->target));
  if (args && !interrupt_in_lanes(*req.session, without_resent_bit(args->target))) ask_again(req);
  req.seam->no_reply(req);
}

void notify_reply(fuse_req& req) {
  fuse_session& session = *req.session;
  const auto args = wire::decode<wire::NotifyReply>(*req.message, session.negotiated);
  const auto retrieve = session.retrieves.take(req.unique().value);
  if (!args || !retrieve || session.ops.retrieve_reply == nullptr) {
    return req.seam->no_reply(req);
  }
  fuse_bufvec data = FUSE_BUFVEC_INIT(args->data.size());
  data.buf[0].mem = const_cast<std::byte*>(args->data.data());
  FUSE3_SET_FIELD(data.buf[0], mem_size, args->data.size());
  session.ops.retrieve_reply(&req, retrieve->cookie, retrieve->ino,
                             static_cast<off_t>(args->offset), &data);
}

constexpr Row kRows[] = {
    {Opcode::init, "INIT", operation<wire::Init, init>, Replay::redo},
    {Opcode::destroy, "DESTROY", operation<wire::Destroy, destroy>, Replay::redo},
    {Opcode::forget, "FORGET", forget, Replay::forgotten},
    {Opcode::batch_forget, "BATCH_FORGET", batch_forget, Replay::forgotten},
    {Opcode::interrupt, "INTERRUPT", interrupt, Replay::none},
    {Opcode::notify_reply, "NOTIFY_REPLY", notify_reply, Replay::none},
};

}  // namespace

std::span<const Row> connection_rows() { return kRows; }

}  // namespace fuse3
