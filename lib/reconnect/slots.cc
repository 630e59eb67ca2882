// FUSE3_SEEDED_BUG is for the test that proves the crash tests would notice.
#include "reconnect/slots.h"

#include <cstring>

#include "reconnect/crash_point.h"

namespace fuse3::reconnect {

void Slot::arm(uint32_t device) {
  SlotHeader& h = *header_;
  store(h.device, device);
  store(h.reply_offset, 0);
  store(h.reply_length, 0);
  store(h.counted, 0);
  store(h.progress, 0);
  store(h.deaths, 0);
  store(h.flags, 0);
  store(h.interrupted, 0);
  for (uint64_t& note : h.notes) store(note, 0);
  // Already so in an empty slot; without it, what is read next could be taken for the old request.
  store(length_word(), 0);
  keep_order();
}

std::span<std::byte> Slot::inside(uint32_t offset, uint32_t length) const {
  if (offset > buffer_.size() || length > buffer_.size() - offset) return {};
  return buffer_.subspan(offset, length);
}

std::span<std::byte> Slot::request() const {
  return inside(0, length());
}

std::span<std::byte> Slot::reply_space(size_t length) const {
  const size_t start = (size_t{this->length()} + 63) / 64 * 64;
  if (start > buffer_.size() || length > buffer_.size() - start) return {};
  return buffer_.subspan(start, length);
}

// The length last: before it there is no request.
void Slot::put(std::span<const std::byte> request) {
  const size_t head = sizeof(uint32_t);
  if (request.size() < head || request.size() > buffer_.size()) return;
  std::memcpy(buffer_.data() + head, request.data() + head, request.size() - head);
  store(length_word(), static_cast<uint32_t>(request.size()));
}

// Dying in between does no harm: both are only set once more by a successor.
void Slot::set_request_id(RequestId id) {
  constexpr size_t kIdOffset = 8;  // in the header of a request and of a reply alike
  if (request().size() >= kIdOffset + sizeof id.value) store(word_at(kIdOffset), id.value);
  const std::span<std::byte> stored = reply();
  const uint32_t start = load(header_->reply_offset);
  if (stage() != Stage::replied || stored.size() < kIdOffset + sizeof id.value) return;
  if (start % alignof(uint64_t) == 0) store(word_at(start + kIdOffset), id.value);
}

void Slot::begin_counting(uint32_t offset) {
  store(header_->counted, 0);
  store(header_->reply_offset, offset);
}

void Slot::publish_reply(uint32_t offset, uint32_t length) {
  store(header_->reply_offset, offset);
  store(header_->reply_length, length);
  // A successor runs the request again, by the replay table.
  crash_point(CrashPoint::slot_reply_noted);
  store(header_->stage, static_cast<uint32_t>(Stage::replied));
}

std::span<std::byte> Slot::reply() const {
  return inside(load(header_->reply_offset), load(header_->reply_length));
}

std::span<std::byte> Slot::counted_reply() const {
  return inside(load(header_->reply_offset), load(header_->counted));
}

void Slot::finish() {
#if defined(FUSE3_SEEDED_BUG) && FUSE3_SEEDED_BUG == 2
  store(header_->stage, static_cast<uint32_t>(Stage::free));
#endif
  store(length_word(), 0);
  // Length 0 in any stage: a successor empties the slot.
  crash_point(CrashPoint::slot_length_cleared);
  store(header_->stage, static_cast<uint32_t>(Stage::free));
}

SlotPool::SlotPool(Mapping& mapping)
    : mapping_(mapping),
      next_free_(std::make_unique<uint32_t[]>(mapping.sections().max_slots)),
      present_(std::make_unique<std::atomic<bool>[]>(mapping.sections().max_slots)) {}

uint32_t SlotPool::count() const {
  return load(mapping_.header().slots_ready);
}

Slot SlotPool::at(uint32_t index) const {
  return Slot(mapping_.slot(index),
              {mapping_.slot_buffer(index), mapping_.sections().slot_buffer_size}, index);
}

Result<Slot> SlotPool::acquire() {
  mutex_.lock();
  if (first_free_ != 0) {
    const uint32_t index = first_free_ - 1;
    first_free_ = next_free_[index];
    mutex_.unlock();
    const Slot slot = at(index);
    make_present(slot);
    return slot;
  }
  auto slot = grow();
  mutex_.unlock();
  return slot;
}

Result<Slot> SlotPool::grow() {
  const uint32_t index = count();
  if (index >= mapping_.sections().max_slots) return Error{EAGAIN};
  const uint64_t length = uint64_t{kPage} + mapping_.sections().slot_buffer_size;
  if (auto ok = mapping_.ensure(mapping_.slot_offset(index), length); !ok) return Error{ENOMEM};
  const Slot slot = at(index);
  make_present(slot);
  // The slot has memory and is empty, but does not exist yet.
  crash_point(CrashPoint::slot_grown);
  store(mapping_.header().slots_ready, index + 1);
  return slot;
}

void SlotPool::make_present(const Slot& slot) {
  std::atomic<bool>& present = present_[slot.index()];
  if (present.load(std::memory_order_acquire)) return;
  mapping_.pin(mapping_.slot_offset(slot.index()), kPage + slot.buffer().size());
  present.store(true, std::memory_order_release);
}

void SlotPool::none_is_present() {
  for (uint32_t i = 0; i < count(); ++i) present_[i].store(false, std::memory_order_release);
}

void SlotPool::release(const Slot& slot) {
  mutex_.lock();
  next_free_[slot.index()] = first_free_;
  first_free_ = slot.index() + 1;
  mutex_.unlock();
}

void SlotPool::adopt() {
  mutex_.lock();
  first_free_ = 0;
  for (uint32_t i = count(); i-- > 0;) {
    Slot slot = at(i);
    if (slot.length() == 0 && slot.stage() != Stage::free) slot.finish();
    if (slot.used()) continue;
    next_free_[i] = first_free_;
    first_free_ = i + 1;
  }
  mutex_.unlock();
}

}  // namespace fuse3::reconnect
