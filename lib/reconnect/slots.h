// Slots: one per request in hand. What a successor concludes from a slot is in doc/reconnect.md.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "support/ids.h"
#include "support/result.h"
#include "support/spin_mutex.h"

namespace fuse3::reconnect {

// What a transaction stores in its slot, besides what it does to the tables.
struct SlotPublish {
  enum class What : uint8_t { nothing, replied, counted, progress, done };
  What what = What::nothing;
  uint32_t offset = 0;
  uint32_t value = 0;

  // Where in the reply, which nobody can see before the transaction, the granted ids go.
  uint64_t* node_id = nullptr;
  uint64_t* generation = nullptr;
  uint64_t* handle_id = nullptr;

  static SlotPublish none() { return {}; }
  // The reply at `offset` of the buffer is complete and its grants are those of this transaction.
  static SlotPublish replied(uint32_t offset, uint32_t length) {
    return {.what = What::replied, .offset = offset, .value = length};
  }
  // The grants within the first `bytes` of the reply (at the offset of begin_counting()) are
  // counted.
  static SlotPublish counted(uint32_t bytes) { return {.what = What::counted, .value = bytes}; }
  static SlotPublish progress(uint32_t items) { return {.what = What::progress, .value = items}; }
  // The slot is empty.
  static SlotPublish done() { return {.what = What::done}; }
};

// A view of one slot; whoever acquired it uses it alone.
class Slot {
 public:
  Slot() = default;
  Slot(SlotHeader* header, std::span<std::byte> buffer, uint32_t index)
      : header_(header), buffer_(buffer), index_(index) {}

  explicit operator bool() const { return header_ != nullptr; }
  uint32_t index() const { return index_; }
  SlotHeader& header() const { return *header_; }

  // Receive area; a request starts at its first byte.
  std::span<std::byte> buffer() const { return buffer_; }
  // Makes an empty slot ready for the next read from `device`.
  void arm(uint32_t device);
  // The request's own length word; 0 when there is none.
  uint32_t length() const { return load(length_word()); }
  // The request, empty if there is none or its length is impossible.
  std::span<std::byte> request() const;
  // Whether a successor has something to do here.
  bool used() const { return stage() != Stage::free || length() != 0; }

  // Makes the request that somebody else has received this empty slot's.
  void put(std::span<const std::byte> request);
  // What the kernel calls the request now, and the reply that is stored for it.
  void set_request_id(RequestId id);

  Stage stage() const { return static_cast<Stage>(load(header_->stage)); }
  uint32_t device() const { return load(header_->device); }
  void set_device(uint32_t device) { store(header_->device, device); }
  uint32_t counted() const { return load(header_->counted); }
  uint32_t progress() const { return load(header_->progress); }
  uint32_t deaths() const { return load(header_->deaths); }
  void add_death(uint32_t weight) { store(header_->deaths, deaths() + weight); }
  void clear_deaths() { store(header_->deaths, 0); }
  uint32_t flags() const { return load(header_->flags); }
  void set_flags(uint32_t flags) { store(header_->flags, flags); }
  uint64_t note(uint32_t i) const { return load(header_->notes[i]); }
  void set_note(uint32_t i, uint64_t value) { store(header_->notes[i], value); }

  // Whoever says so names the request, and not only the slot: it may be another's by now.
  void mark_interrupted(RequestId request) { store(header_->interrupted, request.value); }
  bool interrupted(RequestId request) const { return load(header_->interrupted) == request.value; }

  void start_running() { store(header_->stage, static_cast<uint32_t>(Stage::running)); }

  // Room for a reply of `length` bytes behind the request, 64-byte aligned; empty if there is none.
  std::span<std::byte> reply_space(size_t length) const;
  uint32_t offset_of(const std::byte* place) const {
    return static_cast<uint32_t>(place - buffer_.data());
  }
  // The reply at `offset` will be counted bit by bit; nothing of it is yet.
  void begin_counting(uint32_t offset);
  // A reply that grants nothing.
  void publish_reply(uint32_t offset, uint32_t length);
  // The stored reply, empty if it lies outside the buffer.
  std::span<std::byte> reply() const;
  // What begin_counting() and SlotPublish::counted say: a part of a reply.
  std::span<std::byte> counted_reply() const;

  // Nothing is left to do for this request.
  void finish();

 private:
  uint32_t& length_word() const { return *reinterpret_cast<uint32_t*>(buffer_.data()); }
  uint64_t& word_at(size_t offset) const {
    return *reinterpret_cast<uint64_t*>(buffer_.data() + offset);
  }
  std::span<std::byte> inside(uint32_t offset, uint32_t length) const;

  friend class Txn;
  SlotHeader* header_ = nullptr;
  std::span<std::byte> buffer_;
  uint32_t index_ = 0;
};

class SlotPool {
 public:
  explicit SlotPool(Mapping& mapping);

  // An empty slot whose memory is present. ENOMEM; EAGAIN: all are in hand.
  Result<Slot> acquire();
  // It must be finished.
  void release(const Slot& slot);
  // In a successor, once journals are redone: what is empty can be acquired, what is not stays with
  // whoever walks for_each_used().
  void adopt();

  uint32_t count() const;  // slots that exist
  Slot at(uint32_t index) const;
  // Before it is received into in this process; acquire() has done it.
  void make_present(const Slot& slot);
  // In a child process: fork(2) passes the memory on, but not that it is present.
  void none_is_present();

  template <class Fn>
  void for_each_used(Fn fn) const {
    for (uint32_t i = 0, n = count(); i < n; ++i) {
      if (Slot slot = at(i); slot.used()) fn(slot);
    }
  }

 private:
  Result<Slot> grow();

  Mapping& mapping_;
  SpinMutex mutex_;
  // Private to the process: a stack of free slots linked by index + 1, and which are present.
  std::unique_ptr<uint32_t[]> next_free_;
  std::unique_ptr<std::atomic<bool>[]> present_;
  uint32_t first_free_ = 0;
};

}  // namespace fuse3::reconnect
