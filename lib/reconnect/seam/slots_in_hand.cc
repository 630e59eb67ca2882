// Which worker and which request use which slot, and the queue of requests that a former server
// left.

#include <cstring>
#include <mutex>

#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "support/clock.h"
#include "support/log.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

// Who has left a slot.
constexpr uint8_t kWorkerLeft = 1;
constexpr uint8_t kRequestDone = 2;

// How long a suspect may run alone, in milliseconds.
constexpr unsigned kMostPatience = 1000;

}  // namespace

Slot ReconnectSeam::slot_of(const fuse_req& req) const {
  if (req.place.slot == 0) return {};
  return state_->slots().at(req.place.slot - 1);
}

Place ReconnectSeam::place_in(const Slot& slot) const {
  return Place{
      .memory = slot.buffer().data(), .size = slot.buffer().size(), .slot = slot.index() + 1};
}

bool ReconnectSeam::is_unsettled_rename(const Slot& slot) {
  wire::InHeader header{};
  std::memcpy(&header, slot.buffer().data(), sizeof header);
  const auto opcode = static_cast<wire::Opcode>(header.opcode);
  return holds(Guard::renames_first) && slot.stage() == Stage::running &&
         (opcode == wire::Opcode::rename || opcode == wire::Opcode::rename2);
}

// The oldest request that a former server left. After a crash, those that were running then are
// suspects: they are run alone, so that none but the culprit is there when it happens again;
// `force` ends that when one takes too long, for it may be waiting for another. So are renames,
// which come first: until they are settled, files may be under another name than the table says.
bool ReconnectSeam::take_pending(Place* place, bool force) {
  std::lock_guard guard(pending_lock_);
  // It may wait for as long as it likes (SETLKW), but nobody goes on waiting for it.
  if (const uint32_t suspect = suspect_.load(std::memory_order_relaxed); force && suspect != 0) {
    if (waits_for_lock(suspect - 1)) state_->slots().at(suspect - 1).clear_deaths();
    end_suspicion(suspect - 1);
  }
  if (pending_.empty() || (!force && suspect_.load(std::memory_order_relaxed) != 0)) return false;
  const Slot slot = pending_.front();
  pending_.erase(pending_.begin());
  if ((slot.deaths() >= kCrashWeight || is_unsettled_rename(slot)) && !force) {
    suspect_.store(slot.index() + 1, std::memory_order_relaxed);  // counted until it is done
  } else {
    pending_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  *place = place_in(slot);
  place->filled = slot.length();
  place->device = session_.device(slot.device());
  place->rerun = slot.stage() == Stage::running;
  wire::InHeader header;
  std::memcpy(&header, slot.buffer().data(), sizeof header);
  place->interrupted = slot.interrupted(without_resent_bit(RequestId{header.unique}));
  return true;
}

// One that waits for a lock, and was alone without the server dying, had nothing to do with the
// last crash, and may be there at the next one just as well.
bool ReconnectSeam::waits_for_lock(uint32_t index) const {
  wire::InHeader header;
  std::memcpy(&header, state_->slots().at(index).buffer().data(), sizeof header);
  return static_cast<wire::Opcode>(header.opcode) == wire::Opcode::setlkw;
}

void ReconnectSeam::end_suspicion(uint32_t index) {
  uint32_t suspect = index + 1;
  if (suspect_.load(std::memory_order_relaxed) == suspect &&
      suspect_.compare_exchange_strong(suspect, 0, std::memory_order_relaxed)) {
    pending_count_.fetch_sub(1, std::memory_order_relaxed);
  }
}

Result<Place> ReconnectSeam::place(const Place& previous, size_t device_index) {
  if (previous.slot != 0 && suspect_.load(std::memory_order_relaxed) == previous.slot &&
      waits_for_lock(previous.slot - 1)) {
    // Its operation has returned and will answer late.
    state_->slots().at(previous.slot - 1).clear_deaths();
    end_suspicion(previous.slot - 1);
  }
  if (next_sweep_.load(std::memory_order_relaxed) != 0) sweep_backings();
  for (unsigned waited = 0; pending_count_.load(std::memory_order_relaxed) > 0; ++waited) {
    Place pending;
    if (take_pending(&pending, waited >= kMostPatience)) {
      let_go(previous);
      left_[pending.slot - 1].store(0, std::memory_order_relaxed);
      return pending;
    }
    if (waited >= kMostPatience) break;
    pause_ms(1);
  }
  Slot slot;
  if (previous.slot != 0) {
    std::atomic<uint8_t>& left = left_[previous.slot - 1];
    if ((left.load(std::memory_order_acquire) & kRequestDone) != 0 ||
        (left.fetch_or(kWorkerLeft, std::memory_order_acq_rel) & kRequestDone) != 0) {
      slot = state_->slots().at(previous.slot - 1);
    }
  }
  if (!slot) {
    auto fresh = free_slot();
    if (!fresh) return fresh.as_error();
    slot = *fresh;
  }
  left_[slot.index()].store(0, std::memory_order_relaxed);
  slot.arm(static_cast<uint32_t>(device_index));
  return place_in(slot);
}

// When all slots are in hand, or there is no memory for another one, the kernel keeps the requests
// until one is answered.
Result<Slot> ReconnectSeam::free_slot() {
  for (bool said = false;; said = true) {
    auto slot = state_->slots().acquire();
    if (slot) return slot;
    if (!said) {
      log(FUSE_LOG_WARNING, "fuse: no room for another request (%s); waiting for one to end",
          std::strerror(slot.error()));
    }
    if (session_.exited()) return Error{EINTR};
    pause_ms(1);
  }
}

// The worker does not use the place any more; its request may.
void ReconnectSeam::let_go(const Place& place) {
  if (place.slot == 0) return;
  const uint8_t before = left_[place.slot - 1].fetch_or(kWorkerLeft, std::memory_order_acq_rel);
  if ((before & kRequestDone) != 0) state_->slots().release(state_->slots().at(place.slot - 1));
}

void ReconnectSeam::slot_done(uint32_t index) {
  end_suspicion(index);
  const uint8_t before = left_[index].fetch_or(kRequestDone, std::memory_order_acq_rel);
  if ((before & kWorkerLeft) != 0) state_->slots().release(state_->slots().at(index));
}

// A worker that ends has no request in hand that it received and did not run, unless it was
// cancelled in the middle of a read; then somebody else has to run it.
void ReconnectSeam::give_back(const Place& place) {
  if (place.slot == 0) return;
  const Slot slot = state_->slots().at(place.slot - 1);
  // Not by what the slot looks like alone: a request that is being answered right now looks the
  // same.
  const bool received_only = place.filled == 0 && slot.used();
  if (place.filled == 0 && !received_only) slot_done(slot.index());
  let_go(place);
  if (!received_only) return;
  std::lock_guard guard(pending_lock_);
  pending_.push_back(slot);
  pending_count_.fetch_add(1, std::memory_order_release);
}

void ReconnectSeam::drop(const Place& place) {
  if (place.slot == 0) return;
  state_->slots().at(place.slot - 1).finish();
  slot_done(place.slot - 1);
}

void ReconnectSeam::end(fuse_req& req, const Slot& slot) {
  if (slot) {
    slot.header();  // the slot is this request's alone until here
    Slot mine = slot;
    mine.finish();
    slot_done(slot.index());
    req.place.slot = 0;
  }
  req.lane->answered(req);
}

}  // namespace fuse3::reconnect
