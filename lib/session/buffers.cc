#include "session/buffers.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "session/session.h"
#include "support/clock.h"
#include "support/log.h"
#include "support/newer_fields.h"
#include "wire/structs_in.h"

namespace fuse3 {
namespace {

int ended(fuse_session& session, int error) {
  if (error == ENODEV) {
    exit_session(session);
    return 0;
  }
  return -error;
}

// One request as the transport gives it. One that was withdrawn before it came here is EINTR, which
// callers know as a reason to try again; trying here could block those that asked poll(2) first.
Result<size_t> receive_one(fuse_session& session, std::span<std::byte> memory) {
  auto got = session.transport->receive(session.device(0), memory);
  if (got && *got == 0) return Error{ENODEV};
  if (!got && got.error() == ENOENT) return Error{EINTR};
  return got;
}

// Memory of the caller's own may be smaller than what the library would have taken, where a buffer
// can say so.
std::span<std::byte> room_in(const fuse_session& session, const fuse_buf& buffer) {
  const size_t most = session.sizes.receive;
  const size_t said = FUSE3_FIELD_OR(buffer, mem_size, size_t{0});
  const size_t size = said > 0 ? std::min(said, most) : most;
  return {static_cast<std::byte*>(buffer.mem), size};
}

bool provide_memory(fuse_session& session, fuse_buf& buffer) {
  if (buffer.mem != nullptr) return true;
  buffer.mem = std::malloc(session.sizes.receive);
  FUSE3_SET_FIELD(buffer, mem_size, buffer.mem != nullptr ? session.sizes.receive : 0);
  return buffer.mem != nullptr;
}

uint64_t unique_in(const void* bytes) {
  wire::InHeader header;
  std::memcpy(&header, bytes, sizeof header);
  return header.unique;
}

// A header that no request of the kernel's has stands for a task of the library's own.
int hand_out_task(fuse_buf& buffer) {
  wire::InHeader header{};
  header.len = sizeof header;
  std::memcpy(buffer.mem, &header, sizeof header);
  buffer.size = sizeof header;
  return sizeof header;
}

bool is_task(const std::byte* bytes, size_t size) {
  return size == sizeof(wire::InHeader) && unique_in(bytes) == 0;
}

// The seam wants to see the request in its own memory: it stays there until process_buffer() comes
// with a copy of it.
int hand_out(fuse_session& session, fuse_buf& buffer, const Place& place) {
  std::memcpy(buffer.mem, place.memory, place.filled);
  buffer.size = place.filled;
  std::lock_guard guard(session.buffered_lock);
  session.buffered.insert_or_assign(unique_in(buffer.mem), place);
  return static_cast<int>(place.filled);
}

// Another server is to go on. 0: this one can end its loop. EINTR: it has requests to answer first.
int leave_own_loop(fuse_session& session) {
  if (session.own_loop.receivers() == 1 && session.seam->leave(0)) {
    exit_session(session);
    return 0;
  }
  // Whoever waits for the device would come back at once.
  pause_ms(1);
  return -EINTR;
}

int receive_in_place(fuse_session& session, fuse_buf& buffer) {
  OwnLoop& loop = session.own_loop;
  const OwnLoop::Receiver receiver(loop);
  const int device = session.device(0);
  const size_t room = room_in(session, buffer).size();
  if (room < sizeof(wire::InHeader)) return -EIO;
  for (;;) {
    const OwnLoop::Ready ready = loop.look(device);
    if (loop.has_task()) {
      loop.ring();  // there may be another one
      return hand_out_task(buffer);
    }
    if (session.seam->leaving() && !session.seam->has_pending()) return leave_own_loop(session);
    auto place = session.seam->place({}, 0);
    if (!place) return -place.error();
    if (place->filled > room) {
      session.seam->give_back(*place);
      return -EIO;
    }
    if (place->filled > 0) {
      loop.ring();
      return hand_out(session, buffer, *place);
    }
    if (ready.device) {
      const auto got = receive_one(session, {place->memory, room});
      if (!got || *got < sizeof(wire::InHeader)) {
        session.seam->give_back(*place);
        return got ? -EIO : ended(session, got.error());
      }
      place->filled = *got;
      place->device = device;
      return hand_out(session, buffer, *place);
    }
    session.seam->give_back(*place);
    // Who came because of the bell must not be made to wait.
    if (ready.rung) return -EINTR;
    if (const auto waited = loop.wait(device); !waited) return -waited.error();
  }
}

std::optional<Place> take_place(fuse_session& session, const std::byte* bytes, size_t size) {
  if (size < sizeof(wire::InHeader)) return std::nullopt;
  std::lock_guard guard(session.buffered_lock);
  const auto found = session.buffered.find(unique_in(bytes));
  if (found == session.buffered.end()) return std::nullopt;
  const Place place = found->second;
  session.buffered.erase(found);
  return place;
}

void process_memory(fuse_session& session, std::byte* bytes, size_t size, size_t room) {
  Place place{.memory = bytes, .size = room};
  int device = session.device(0);
  if (session.seam->insists_on_place()) {
    if (is_task(bytes, size) && session.own_loop.run_task()) return;
    const auto taken = take_place(session, bytes, size);
    if (!taken) {
      log_error("fuse: fuse_session_process_buf() got a request that was not received with "
                "fuse_session_receive_buf(); reconnect cannot keep it");
      return;
    }
    place = *taken;
    device = place.device;
  }
  const OwnLoop::Turn turn;
  serve(session, *session.buffer_lane, place, device, size, 0, -1);
  if (session.seam->insists_on_place()) session.seam->give_back(place);
}

}  // namespace

int receive_buffer(fuse_session& session, fuse_buf& buffer) {
  if (!provide_memory(session, buffer)) return -ENOMEM;
  buffer.flags = static_cast<fuse_buf_flags>(0);
  if (const auto ready = session.seam->serving(); !ready) return -ready.error();
  if (session.seam->insists_on_place()) {
    session.own_loop.begin();
    return receive_in_place(session, buffer);
  }
  const auto got = receive_one(session, room_in(session, buffer));
  if (!got) return ended(session, got.error());
  if (*got < sizeof(wire::InHeader)) {
    log_error("fuse: a request of %zu bytes is shorter than its header", *got);
    return -EIO;
  }
  buffer.size = *got;
  return static_cast<int>(*got);
}

int descriptor_to_wait_for(fuse_session& session) {
  const int device = session.device(0);
  if (device < 0 || !session.seam->insists_on_place()) return device;
  const int both = session.own_loop.wait_fd(device);
  return both >= 0 ? both : device;
}

void process_buffer(fuse_session& session, const fuse_buf& buffer) {
  if ((buffer.flags & FUSE_BUF_IS_FD) == 0) {
    const size_t room = std::max(FUSE3_FIELD_OR(buffer, mem_size, size_t{0}), buffer.size);
    return process_memory(session, static_cast<std::byte*>(buffer.mem), buffer.size, room);
  }
  std::vector<std::byte> bytes(buffer.size);
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(buffer.fd, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      log_error("fuse: a request could not be read from its pipe");
      return;
    }
    filled += static_cast<size_t>(got);
  }
  process_memory(session, bytes.data(), filled, bytes.size());
}

}  // namespace fuse3
