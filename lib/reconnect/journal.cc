// FUSE3_SEEDED_BUG is for the test that proves the crash tests would notice.
#include "reconnect/journal.h"

#include <utility>

#include "reconnect/crash_point.h"
#include "reconnect/state.h"
#include "support/log.h"

namespace fuse3::reconnect {
namespace {

constexpr uint64_t kNarrow = 1;

void apply_entry(std::byte* base, const JournalEntry& entry) {
  std::byte* place = base + (entry.offset_and_width & ~kNarrow);
  if (entry.offset_and_width & kNarrow) {
    store(*reinterpret_cast<uint32_t*>(place), static_cast<uint32_t>(entry.value));
  } else {
    store(*reinterpret_cast<uint64_t*>(place), entry.value);
  }
}

bool possible(const Mapping& mapping, const SlotHeader& slot, uint32_t count) {
  if (count > kJournalCapacity) return false;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t place = slot.journal[i].offset_and_width;
    if (!mapping.may_journal(place & ~kNarrow, place & kNarrow ? 4 : 8)) return false;
  }
  return true;
}

}  // namespace

Txn::Txn(State& state, const Slot& slot)
    : state_(state), mapping_(state.mapping()), slot_(slot), owns_lock_(true) {
  state.table_lock().lock();
  keep_order();
}

Txn::Txn(State& state, const Slot& slot, Nested)
    : state_(state), mapping_(state.mapping()), slot_(slot), owns_lock_(false) {
  keep_order();
}

Txn::~Txn() {
  if (owns_lock_) state_.table_lock().unlock();
}

uint64_t Txn::look(const void* word, uint64_t otherwise) const {
  const uint64_t place = offset(word);
  for (uint32_t i = count_; i-- > 0;) {
    const JournalEntry& entry = slot_.header().journal[i];
    if ((entry.offset_and_width & ~kNarrow) == place) return entry.value;
  }
  return otherwise;
}

void Txn::put(uint64_t offset_and_width, uint64_t value) {
  JournalEntry* journal = slot_.header().journal;
  for (uint32_t i = count_; i-- > 0;) {
    if (journal[i].offset_and_width == offset_and_width) {
      journal[i].value = value;
      return;
    }
  }
  if (count_ == kJournalCapacity) return fail();
  journal[count_++] = JournalEntry{offset_and_width, value};
}

void Txn::moved(RecordSpace& space, uint32_t index, bool taken) {
  if (move_count_ == kMostMoves) return fail();
  moves_[move_count_++] = {&space, index, taken};
}

void Txn::publish(const SlotPublish& publish) {
  SlotHeader& header = slot_.header();
  switch (publish.what) {
    case SlotPublish::What::nothing:
      break;
    case SlotPublish::What::replied:
      // Where the reply is means nothing before the stage says that there is one.
      store(header.reply_offset, publish.offset);
      store(header.reply_length, publish.value);
      set(header.stage, static_cast<uint32_t>(Stage::replied));
      break;
    case SlotPublish::What::counted:
      set(header.counted, publish.value);
      break;
    case SlotPublish::What::progress:
      set(header.progress, publish.value);
      break;
    case SlotPublish::What::done:
      set(slot_.length_word(), 0);
      set(header.stage, static_cast<uint32_t>(Stage::free));
      break;
  }
}

void Txn::apply() {
  SlotHeader& header = slot_.header();
  // Nothing happened yet; the entries are not looked at.
  crash_point(CrashPoint::journal_filled);
#if defined(FUSE3_SEEDED_BUG) && FUSE3_SEEDED_BUG == 1
  const JournalEntry last = std::exchange(header.journal[count_ - 1], JournalEntry{});
  store(header.journal_count, count_);
  header.journal[count_ - 1] = last;
  keep_order();
#else
  store(header.journal_count, count_);
#endif
  // From here on a successor completes it.
  crash_point(CrashPoint::journal_published);
  for (uint32_t i = 0; i < count_; ++i) {
    apply_entry(mapping_.base(), header.journal[i]);
    // Stored again by a successor, with the same values.
    if (i == count_ / 2) crash_point(CrashPoint::journal_half_applied);
  }
  crash_point(CrashPoint::journal_applied);
  store(header.journal_count, 0);
  keep_order();
  crash_point(CrashPoint::journal_cleared);
}

Result<void> Txn::commit() {
  if (failed_) return Error{EUCLEAN};
  if (count_ != 0) apply();
  count_ = 0;
  for (uint32_t i = 0; i < move_count_; ++i) {
    moves_[i].space->committed(moves_[i].index, moves_[i].taken);
  }
  move_count_ = 0;
  if (!owns_lock_) return {};
  state_.nodes().after_commit(slot_, binding_);
  state_.streams().tidy(slot_);
  state_.nodes().space().tidy(state_, slot_);
  state_.handles().space().tidy(state_, slot_);
  return {};
}

Result<size_t> redo_all(State& state) {
  Mapping& mapping = state.mapping();
  const uint32_t slots = state.slots().count();
  size_t redone = 0;
  for (uint32_t i = 0; i < slots; ++i) {
    SlotHeader& header = *mapping.slot(i);
    const uint32_t count = load(header.journal_count);
    if (count == 0) continue;
    if (!possible(mapping, header, count)) {
      log_error("fuse: the reconnect state is damaged: the journal of slot %u is impossible\n", i);
      return Error{EUCLEAN};
    }
    for (uint32_t k = 0; k < count; ++k) apply_entry(mapping.base(), header.journal[k]);
    store(header.journal_count, 0);
    keep_order();
    ++redone;
  }
  std::string why;
  if (!mapping.heads_possible(&why)) {
    log_error("fuse: the reconnect state is damaged after redoing its journals: %s\n", why.c_str());
    return Error{EUCLEAN};
  }
  for (uint32_t i = 0; i < slots; ++i) state.nodes().finish_cascade(state.slots().at(i));
  return redone;
}

}  // namespace fuse3::reconnect
