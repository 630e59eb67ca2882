// From received bytes to the operation.
#include <cstring>

#include "session/bare_reply.h"
#include "session/has_reply.h"
#include "session/session.h"
#include "support/log.h"
#include "wire/reply.h"

namespace fuse3 {
namespace {

using wire::Opcode;

// What others than the mount's owner and root may do under allow_root: go on with what they have.
bool allowed_to_others(Opcode opcode) {
  switch (opcode) {
    case Opcode::init:
    case Opcode::read:
    case Opcode::write:
    case Opcode::fsync:
    case Opcode::release:
    case Opcode::readdir:
    case Opcode::fsyncdir:
    case Opcode::releasedir:
    case Opcode::notify_reply:
    case Opcode::readdirplus:
      return true;
    default:
      return false;
  }
}

// What the library says by itself, before there is an operation to run; 0: nothing to object.
int objection(const fuse_session& session, const wire::Message& message, const Row* row) {
  const Opcode opcode = message.opcode();
  if (row == nullptr) return ENOSYS;
  const bool starts = opcode == Opcode::init || opcode == Opcode::cuse_init;
  // A device starts in its own way.
  if (starts && (opcode == Opcode::cuse_init) != (session.cuse != nullptr)) return ENOSYS;
  if (session.stage == LifeStage::fresh && !starts) return EIO;
  if (session.stage != LifeStage::fresh && starts) return EIO;
  if (session.mount_options.allow_root && message.uid() != session.owner && message.uid() != 0 &&
      !allowed_to_others(opcode)) {
    return EACCES;
  }
  return 0;
}

constexpr Row kUnknownRow{Opcode{0}, "unknown request", nullptr, Replay::none};

std::span<std::byte> scratch_behind(const Place& place, size_t length) {
  const size_t page = 4096;
  const size_t start = (length + page - 1) / page * page;
  if (start >= place.size) return {};
  return {place.memory + start, place.size - start};
}

void log_request(const wire::Message& message) {
  log(FUSE_LOG_DEBUG, "unique: %llu, opcode: %s (%u), nodeid: %llu, insize: %u, pid: %u\n",
      static_cast<unsigned long long>(message.unique().value),
      wire::opcode_name(message.opcode()), static_cast<unsigned>(message.opcode()),
      static_cast<unsigned long long>(message.node().value), message.header().len, message.pid());
}

}  // namespace

void serve(fuse_session& session, Lane& lane, const Place& place, int device, size_t length,
           size_t outside, int data_pipe) {
  const std::span<const std::byte> bytes(place.memory, length);
  const auto message = outside == 0 ? wire::Message::parse(bytes)
                                    : wire::Message::parse_split(bytes, outside);
  if (!message) {
    log_error("fuse: a request of %zu bytes is malformed and was dropped", length);
    session.seam->drop(place);
    return;
  }
  if (session.options.debug) log_request(*message);
  fuse_req* req = lane.open(*message);
  if (req == nullptr) {
    if (has_reply(message->opcode())) {
      (void)send_bare_reply(*session.transport, device, message->unique(), -ENOMEM);
    }
    session.seam->drop(place);
    return;
  }
  req->session = &session;
  req->seam = session.seam.get();
  req->row = find_row(message->opcode());
  req->context = {message->uid(), message->gid(), static_cast<pid_t>(message->pid()), 0};
  req->place = place;
  req->device = device;
  req->data_pipe = data_pipe;
  req->rerun = place.rerun;
  req->scratch = scratch_behind(place, length);
  if (place.interrupted) (void)lane.interrupt(without_resent_bit(message->unique()));

  const int error = objection(session, *message, req->row);
  if (error == 0) {
    req->runner = pthread_self();
    req->running = true;
    req->row->run(*req);
    req->seam->ran(*req);
  } else {
    if (req->row == nullptr) req->row = &kUnknownRow;
    if (has_reply(message->opcode())) {
      req->seam->reply(*req, {.error = -error});
    } else {
      req->seam->no_reply(*req);
    }
  }
  lane.returned(*req);
}

}  // namespace fuse3
