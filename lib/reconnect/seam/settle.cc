// The start of a successor: INIT as it was, and what the last server left unfinished.
#include <algorithm>
#include <cstring>

#include "lowlevel/negotiate.h"
#include "reconnect/seam/guard.h"
#include "reconnect/seam/reconnect_seam.h"
#include "reconnect/seam/request_header.h"
#include "support/clock.h"
#include "support/log.h"
#include "wire/reply.h"
#include "wire/request.h"

namespace fuse3::reconnect {
namespace {

bool plausible(const Slot& slot, uint32_t devices) {
  const size_t length = slot.request().size();
  return length >= sizeof(wire::InHeader) && slot.device() < devices;
}

}  // namespace

// The filesystem is asked as if the kernel had just sent INIT, and has to want what was agreed on
// then: the kernel will not be told anything new.
Result<void> ReconnectSeam::adopt_init() {
  const auto request = state_->init_request();
  const auto saved = state_->init_reply();
  if (request.empty() || saved.empty()) return {};  // INIT itself is among the unfinished
  const auto message = wire::Message::parse(request);
  const auto offer = message ? wire::decode<wire::Init>(*message, wire::Negotiated{})
                             : Result<wire::Init>(message.as_error());
  if (!offer) {
    log_error("fuse: cannot take over: the INIT request kept in the state is malformed");
    return Error{EPROTO};
  }
  wire::InitOut agreed{};
  std::memcpy(&agreed, saved.data(), std::min(saved.size(), sizeof agreed));
  // Whether the kernel waits for successors is for this mount what it was at first.
  session_.successor_timeout.reset();
  if ((wire::flags_of(agreed) & wire::init_flag::successor) != 0) {
    session_.successor_timeout = agreed.successor_timeout;
  }
  auto agreement = negotiate(session_, *offer);
  if (!agreement) return agreement.as_error();
  const std::string problem = difference(agreed, agreement->reply);
  if (!problem.empty()) {
    log_error(
        "fuse: cannot take over the filesystem at %s: %s. Start the server with the options "
        "it was mounted with, or unmount it.",
        session_.mountpoint.c_str(), problem.c_str());
    return Error{ENOTSUP};
  }
  agreement->reply = agreed;
  agreement->negotiated.flags = wire::flags_of(agreed);
  // The kernel goes by what it was told then, even if this library speaks a newer one.
  agreement->negotiated.minor = std::min(agreement->negotiated.minor, agreed.minor);
  agreement->negotiated.max_write = agreed.max_write;
  agreement->negotiated.max_pages = agreed.max_pages;
  adopt(session_, *agreement);
  constexpr uint64_t kLocks = wire::init_flag::flock_locks | wire::init_flag::posix_locks;
  if ((agreement->negotiated.flags & kLocks) != 0 && !state_->locks().enabled()) {
    log(FUSE_LOG_WARNING,
        "fuse: the filesystem at %s was mounted with an older library: locks that it had granted "
        "before its server died are lost",
        session_.mountpoint.c_str());
  }
  return {};
}

void ReconnectSeam::settle_slot(const Slot& slot, std::vector<Slot>& again) {
  Slot mine = slot;
  if (slot.length() == 0) return mine.finish();  // answered, and just not emptied
  if (!plausible(slot, state_->device_count())) {
    log_error("fuse: slot %u of the state holds no request; it is dropped", slot.index());
    return mine.finish();
  }
  const auto opcode = opcode_of(slot);
  switch (holds(Guard::stored_reply) || slot.stage() != Stage::replied ? slot.stage()
                                                                       : Stage::running) {
    case Stage::replied: {
      const auto reply = slot.reply();
      const iovec piece{reply.data(), reply.size()};
      const auto sent = session_.transport->send(session_.device(slot.device()), &piece, 1);
      state_->count(State::Figure::resent);
      // ENOENT: the first one had arrived.
      if (!sent && sent.error() != ENOENT && sent.error() != ENODEV) {
        take_back_grants(slot, opcode, reply);
      }
      return mine.finish();
    }
    case Stage::running:
      if (opcode == wire::Opcode::init && session_.stage == LifeStage::initialised) {
        return finish_init(mine);
      }
      // A READDIRPLUS that was being stored: it will be counted anew.
      take_back_grants(slot, opcode, slot.counted_reply());
      mine.begin_counting(0);
      // Only one that the dead server had got to may have had to do with its death.
      if ((slot.flags() & kAwaitsRerun) == 0) blame(mine, opcode);
      mine.set_flags(kAwaitsRerun);
      break;
    case Stage::free:
      break;
  }
  if ((slot.flags() & kNewcomer) == 0) state_->count(State::Figure::replayed);
  again.push_back(slot);
}

// One that waits for a lock is there whenever the server is killed.
void ReconnectSeam::blame(Slot slot, wire::Opcode opcode) {
  const uint32_t weight = weight_of_end(previous_end_);
  if (opcode != wire::Opcode::setlkw || weight >= kCrashWeight) slot.add_death(weight);
}

Result<void> ReconnectSeam::send_saved_init_reply(RequestId id, int device) {
  const auto saved = state_->init_reply();
  const wire::OutHeader header = wire::make_header(id, 0, saved.size());
  const iovec pieces[] = {{const_cast<wire::OutHeader*>(&header), sizeof header},
                          {const_cast<std::byte*>(saved.data()), saved.size()}};
  return session_.transport->send(device, pieces, 2);
}

// The server died between keeping its answer to INIT and storing it as the slot's reply:
// adopt_init() has gone by the former already.
void ReconnectSeam::finish_init(Slot slot) {
  const auto sent =
      send_saved_init_reply(RequestId{header_of(slot).unique}, session_.device(slot.device()));
  state_->count(State::Figure::resent);
  if (!sent && sent.error() != ENOENT) {
    log_error("fuse: the answer to INIT was refused: %s", std::strerror(sent.error()));
  }
  slot.finish();
}

Result<void> ReconnectSeam::settle() {
  if (holder_ && holder_->kernel_sends_again()) {
    if (const auto greeted = greet_kernel(); !greeted) return greeted;
    forget_devices();
    if (const auto taken = take_resent(); !taken) return taken;
    state_->end_resend();
  } else if (wants_resend()) {
    send_stored_replies();
    if (const auto asked = ask_and_match(); !asked) return asked;
  }
  std::vector<Slot> used;
  state_->slots().for_each_used([&](const Slot& slot) { used.push_back(slot); });
  std::vector<Slot> again;
  std::erase_if(used, [this](const Slot& slot) { return settle_interrupt(slot); });
  for (const Slot& slot : used) settle_slot(slot, again);
  state_->slots().adopt();
  if (holds(Guard::resend_order)) {
    std::sort(again.begin(), again.end(), [](const Slot& a, const Slot& b) {
      return number_of(header_of(a)) < number_of(header_of(b));
    });
  }
  std::stable_partition(again.begin(), again.end(), is_unsettled_rename);
  for (const Slot& slot : again) state_->slots().make_present(slot);
  std::lock_guard guard(pending_lock_);
  pending_ = std::move(again);
  pending_count_.store(pending_.size(), std::memory_order_release);
  return {};
}

HolderSetup ReconnectSeam::holder_setup() {
  HolderSetup setup;
  setup.runtime_dir_fd = runtime_dir_.get();
  setup.runtime_dir = runtime_path_;
  setup.connection = state_->connection();
  setup.ordinal = session_.ordinal;
  setup.state_fd = state_->fd();
  {
    std::lock_guard guard(session_.device_lock);
    for (const UniqueFd& device : session_.devices) setup.devices.push_back(device.get());
  }
  setup.auto_unmount_fd = session_.auto_unmount ? session_.auto_unmount.get() : -1;
  setup.timeout_seconds = session_.options.reattach_timeout;
  return setup;
}

// Called at the start of every loop, and by programs with loops of their own before every request.
Result<void> ReconnectSeam::serving() {
  if (serving_.load(std::memory_order_acquire)) return {};
  std::lock_guard guard(serving_lock_);
  if (serving_.load(std::memory_order_relaxed)) return {};
  if (successor_) {
    if (const auto adopted = adopt_init(); !adopted) return adopted;
    if (const auto settled = settle(); !settled) return settled;
    find_stale_locks();
    find_old_backings();
    wake_pollers();
    state_->set_last_recovery_ns(monotonic_ns() - began_ns_);
  }
  if (const auto told = tell_holder(); !told) return told;
  serving_.store(true, std::memory_order_release);
  if (successor_) state_->end_outage();
  announce_served();
  return {};
}

Result<void> ReconnectSeam::tell_holder() {
  if (!holder_) return {};
  // The watch first: if the keeper has died since the mount, saying hello starts another.
  const auto watched =
      holder_->start_watch([this] { return holder_setup(); }, [this] { leave_wanted(); });
  if (!watched) return watched;
  if (const auto said = holder_->hello(true); !said || !successor_) return said;
  return holder_->serving();
}

}  // namespace fuse3::reconnect
