// The shared mapping, byte by byte. Everything here is read by processes that did not write it,
// some of them after the writer died between two instructions: plain words only, no pointers, and
// every word that carries a change is stored by the helpers below, whose order the compiler keeps.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace fuse3::reconnect {

// A different value of either means a file that this code must not touch.
inline constexpr uint64_t kMagic = 0x3174'6e63'7266'7566;  // "fufrcnt1", little-endian
inline constexpr uint32_t kLayoutVersion = 4;
// A state of kLayoutVersion whose requests the kernel may call by other numbers than the slots do
// (Header::resend): a library that does not know of that must not take it over. The next layout is
// another one than this.
inline constexpr uint32_t kLayoutResending = 5;
// States from this version on are taken over. Version 1 had no streams: the words that lead to them
// were 0, so such a state is one of version 2 from then on.
inline constexpr uint32_t kOldestLayoutVersion = 1;
// The last one without a lock table, which a file that was made without it cannot get.
inline constexpr uint32_t kLayoutWithoutLocks = 2;
// The last one whose free records are lists in the mapping, and whose tables never get smaller.
inline constexpr uint32_t kLayoutWithoutFloors = 3;

inline constexpr uint32_t kPage = 4096;
inline constexpr uint32_t kInitBytes = 256;
inline constexpr uint32_t kTextBytes = 4096;
inline constexpr uint32_t kMaxDevices = 256;
inline constexpr uint32_t kMaxName = 1024;
inline constexpr uint32_t kInlineName = 32;
inline constexpr uint32_t kTextRecordBytes = 112;
inline constexpr uint32_t kMaxTexts =
    (kMaxName - kInlineName + kTextRecordBytes - 1) / kTextRecordBytes;
inline constexpr uint32_t kStreamEntries = 7;
inline constexpr uint32_t kMinBuckets = 64;
// No hash chain gets longer than this: what would make it longer is left out of the chain.
inline constexpr uint32_t kMaxChain = 64;
inline constexpr uint32_t kRootIndex = 1;
// In an alias's `ino`: the library has given the file this name itself.
inline constexpr uint64_t kHiddenEdge = 1;
// In NodeRecord::identity_next: the node is in no identity chain.
inline constexpr uint32_t kNotChained = UINT32_MAX;

// Loads and stores of words in the mapping. A release store is never moved before an earlier store
// and none of these is torn, so a process that dies leaves a prefix of them.
template <class T>
T load(const T& word) {
  return std::atomic_ref<T>(const_cast<T&>(word)).load(std::memory_order_acquire);
}
template <class T>
void store(T& word, std::type_identity_t<T> value) {
  std::atomic_ref<T>(word).store(value, std::memory_order_release);
}
// What comes after stays after, even a plain store.
inline void keep_order() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

static_assert(std::atomic_ref<uint32_t>::is_always_lock_free);
static_assert(std::atomic_ref<uint64_t>::is_always_lock_free);

enum class Kind : uint32_t { free = 0, node = 1, alias = 2, text = 3, stream = 4 };

// Records are named by `tag` = reuse << 32 | kind; `reuse` grows whenever a record is freed, so an
// id made of it and the index is not given twice. Where chunks of a table are without memory, their
// floors go on with that.
constexpr uint64_t make_tag(uint32_t reuse, uint32_t kind) {
  return uint64_t{reuse} << 32 | kind;
}
constexpr uint32_t tag_reuse(uint64_t tag) {
  return static_cast<uint32_t>(tag >> 32);
}
constexpr uint32_t tag_kind(uint64_t tag) {
  return static_cast<uint32_t>(tag);
}

// A node, or an alias: a further (parent, name) edge of a node. `free_next` belongs to the list of
// nodes that are being freed, which starts at their slot's `cascade`.
struct NodeRecord {
  uint64_t tag;
  uint32_t free_next;
  uint32_t text;  // first record of the name's rest
  uint64_t kernel_count;
  uint64_t ino;
  uint64_t meta;        // dev << 32 | type << 16 | length of the name
  uint64_t generation;  // as told to the kernel
  uint32_t parent;      // 0: this record carries no edge
  uint32_t name_hash;
  uint32_t edge_next;
  union {
    uint32_t identity_next;
    uint32_t alias_previous;  // of an alias; 0: the owner's `alias` names it
  };
  union {
    uint32_t children;  // edges that name this node as parent
    uint32_t owner;     // of an alias
  };
  uint32_t alias;             // a node's first alias; an alias's next
  uint32_t bound_generation;  // the binding below is valid for this incarnation only
  uint32_t ino_next;          // chain with heads private to the process
  uint64_t fs_ino;
  uint64_t fs_count;
  uint64_t name[kInlineName / 8];  // its bytes, as words because a rename journals them
};

constexpr uint64_t make_meta(uint32_t dev, uint32_t type, uint32_t name_length) {
  return uint64_t{dev} << 32 | uint64_t{type & 0xffff} << 16 | (name_length & 0xffff);
}
constexpr uint32_t meta_dev(uint64_t meta) {
  return static_cast<uint32_t>(meta >> 32);
}
constexpr uint32_t meta_type(uint64_t meta) {
  return static_cast<uint32_t>(meta >> 16) & 0xffff;
}
constexpr uint32_t meta_length(uint64_t meta) {
  return static_cast<uint32_t>(meta) & 0xffff;
}

// The rest of a name longer than kInlineName.
struct TextRecord {
  uint64_t tag;
  uint32_t free_next;
  uint32_t text;
  char bytes[kTextRecordBytes];
};

// An entry that was delivered to who reads a directory: the offset at which reading goes on behind
// it, and a keyed hash of its name.
struct StreamEntry {
  uint64_t offset;
  uint64_t name;
};

// What a directory handle has delivered, in order, is a chain of these by `text`. Those left over
// are a list of such chains by their first records' `free_next`, which starts at that of record 0;
// they stay what they are, so that a whole chain is freed at once, and become free by and by.
struct StreamRecord {
  uint64_t tag;
  uint32_t free_next;
  uint32_t text;
  StreamEntry entries[kStreamEntries];
};

static_assert(sizeof(NodeRecord) == 128 && std::is_trivially_copyable_v<NodeRecord>);
static_assert(sizeof(TextRecord) == 128 && std::is_trivially_copyable_v<TextRecord>);
static_assert(sizeof(StreamRecord) == 128 && std::is_trivially_copyable_v<StreamRecord>);
static_assert(offsetof(StreamRecord, free_next) == offsetof(NodeRecord, free_next));
static_assert(offsetof(StreamRecord, text) == offsetof(NodeRecord, text));
static_assert(offsetof(TextRecord, free_next) == offsetof(NodeRecord, free_next));
static_assert(offsetof(TextRecord, text) == offsetof(NodeRecord, text));
static_assert(offsetof(NodeRecord, name) == 96);

enum class HandleKind : uint32_t { free = 0, file = 1, directory = 2 };

struct HandleRecord {
  uint64_t tag;        // reuse << 32 | HandleKind
  uint32_t free_next;  // of the free list of earlier versions
  uint32_t open_flags;
  uint64_t node;  // NodeId
  uint32_t fopen_flags;
  uint32_t bound_generation;  // fs_fh is valid for this incarnation only
  uint64_t fs_fh;
  uint64_t poll_handle;  // the kernel's, of the last POLL that wants to be told; 0: none
  uint32_t backing;      // the number that the kernel knows its backing file by; 0: it has none
  uint32_t lent_mode;    // what its file's mode has to be put back to (seam/reopen.cc); 0: nothing
  uint64_t stream;       // of a directory: first record << 32 | entries; 0: nothing was delivered
};

static_assert(sizeof(HandleRecord) == 64 && std::is_trivially_copyable_v<HandleRecord>);

enum class LockKind : uint32_t { posix = 0, whole_file = 1 };
// In LockRecord::flags, beside the kind: it could not be taken again.
inline constexpr uint32_t kLockLost = 1u << 8;

// A lock that the filesystem granted. A record is in use when it is in the chain of its node's
// bucket, and free when it is in the free list; both go through `next`, so that any number of
// neighbours in a chain become free by three stores.
struct LockRecord {
  uint32_t next;
  uint32_t pid;
  uint32_t type;    // F_RDLCK or F_WRLCK
  uint32_t flags;   // LockKind, kLockLost
  uint64_t node;    // NodeId
  uint64_t handle;  // HandleId it was asked for by; 0: the filesystem has no open
  uint64_t owner;
  uint64_t start;
  uint64_t end;    // the last byte
  uint64_t stamp;  // grows from grant to grant
};

static_assert(sizeof(LockRecord) == 64 && std::is_trivially_copyable_v<LockRecord>);

// One store of a transaction: offset of the word from the start of the mapping; bit 0 set when the
// word has 32 bits.
struct JournalEntry {
  uint64_t offset_and_width;
  uint64_t value;
};

enum class Stage : uint32_t { free = 0, running = 1, replied = 2 };

inline constexpr uint32_t kJournalCapacity = 240;
inline constexpr uint32_t kSlotNotes = 8;

// The page before a slot's buffer.
struct SlotHeader {
  uint32_t stage;
  uint32_t device;
  uint32_t reply_offset;  // from the start of the buffer
  uint32_t reply_length;
  uint32_t counted;   // bytes of the reply whose grants are counted
  uint32_t progress;  // items of a BATCH_FORGET that are done
  uint32_t cascade;   // first of the nodes being freed
  uint32_t deaths;    // incarnations that died running this request, weighted by how
  uint32_t flags;     // the dispatch layer's own
  uint32_t journal_count;
  uint64_t notes[kSlotNotes];  // the dispatch layer's own: what it saw before it ran the request
  uint64_t interrupted;        // the request that INTERRUPT came for, by its number
  uint64_t spare[2];
  JournalEntry journal[kJournalCapacity];
  uint64_t tail[16];
};

static_assert(sizeof(SlotHeader) == kPage && std::is_trivially_copyable_v<SlotHeader>);

// Where the sections are; all page-aligned, written once, covered by the checksum.
struct Sections {
  uint64_t edge_heads;
  uint64_t identity_heads;
  uint64_t nodes;
  uint64_t handles;
  uint64_t slots;
  uint64_t total;
  uint32_t max_nodes;
  uint32_t max_handles;
  uint32_t max_slots;
  uint32_t slot_buffer_size;
};

// Written once, before the first incarnation's generation, covered by the checksum.
struct Fixed {
  uint64_t magic;
  uint32_t layout_version;
  uint32_t header_size;
  uint64_t checksum;  // of everything in Fixed that follows
  Sections sections;
  uint64_t hash_seed;
  uint32_t connection;
  uint32_t owner;
  char executable[kTextBytes];
  char options[kTextBytes];
  char mountpoint[kTextBytes];
};

struct Figures {
  uint64_t replayed;
  uint64_t resent;
  uint64_t poisoned;
  uint64_t stale;
  uint64_t deaths;
  uint64_t last_recovery_ns;
};

// The tables' own words, changed by transactions.
struct Heads {
  uint32_t node_free;        // 0; a list of free records in earlier versions
  uint32_t node_high_water;  // records from here on are not used
  uint32_t buckets;          // in use, of the edge and the identity heads alike
  uint32_t handle_free;      // likewise
  uint32_t handle_high_water;
  uint32_t handle_count;
  uint64_t known_nodes;  // with a kernel count
};

// The lock table's own words.
struct LockHeads {
  uint32_t free;
  uint32_t high_water;
  uint32_t count;
  uint32_t spare;
  uint64_t last_stamp;
};

struct Header {
  Fixed fixed;
  uint64_t incarnation;       // generation << 32 | pid: one word, so that no two can both have it
  uint64_t start_time;        // of that process, in ticks since boot
  uint64_t start_generation;  // the generation start_time belongs to
  uint32_t slots_ready;       // slots that exist
  uint32_t device_count;
  Heads heads;
  uint32_t init_request_length;  // 0: not there
  uint32_t init_reply_length;
  uint8_t init_request[kInitBytes];
  uint8_t init_reply[kInitBytes];
  Figures figures;
  uint64_t outage;    // generation << 32 | second since boot when nobody served; 0: it is served
  uint64_t mount_id;  // the kernel's for the mount, which it gives once; 0: not known
  // How many servers the kernel has counted, and with kPerhapsCounted that it may have counted one
  // more; 0: not one beyond the first.
  uint64_t kernel_servers;
  // Requests that the kernel sent again; those that no slot knew; those in slots that it did not
  // send again.
  uint64_t kernel_resent;
  uint64_t resend_unknown;
  uint64_t resend_missing;
  uint64_t resend;  // bits below; 0: all numbers in the slots are the kernel's
  uint64_t spare[kMaxDevices - 7];
  // Here version 2 ended; what follows is zero there.
  LockHeads locks;
  uint64_t polled;  // 1: some handle may have a poll_handle
  // Numbers of backing files: the largest that was registered, and up to which all that dead
  // incarnations registered are given back, except for those of handles.
  uint32_t backing_last;
  uint32_t backing_swept;
};

// In Header::kernel_servers.
inline constexpr uint64_t kPerhapsCounted = uint64_t{1} << 63;
// In Header::resend: the kernel was asked to send again; and device 0, which waited for requests
// before that, is not to go on with returning at once.
inline constexpr uint64_t kResendBegun = 1;
inline constexpr uint64_t kResendUnblocked = 2;

inline constexpr uint32_t kHeaderSizeWithoutLocks = offsetof(Header, locks);

static_assert(std::is_trivially_copyable_v<Header> && std::is_standard_layout_v<Header>);
static_assert(offsetof(Fixed, checksum) == 16 && offsetof(Header, incarnation) % 8 == 0);
static_assert(kHeaderSizeWithoutLocks == 15072 && offsetof(Header, locks) % 8 == 0);
static_assert(offsetof(Header, heads) % 8 == 0 && offsetof(Header, figures) % 8 == 0);

inline constexpr uint64_t kHeaderBytes = (sizeof(Header) + kPage - 1) / kPage * kPage;

}  // namespace fuse3::reconnect
