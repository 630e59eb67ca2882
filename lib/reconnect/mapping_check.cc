// What a successor requires of a file before it believes a word of it.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "reconnect/mapping.h"
#include "reconnect/mapping_layout.h"
#include "reconnect/record_space.h"

namespace fuse3::reconnect {
namespace {

[[gnu::format(printf, 2, 3)]] bool refuse(std::string* why, const char* format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (why) *why = text;
  return false;
}

bool same_sections(const Sections& a, const Sections& b) {
  return a.edge_heads == b.edge_heads && a.identity_heads == b.identity_heads &&
         a.nodes == b.nodes && a.handles == b.handles && a.slots == b.slots && a.total == b.total;
}

bool terminated(const char (&text)[kTextBytes]) {
  return std::memchr(text, 0, kTextBytes);
}

bool fixed_possible(const Fixed& fixed, uint64_t file_size, std::string* why) {
  if (fixed.magic != kMagic) return refuse(why, "the file is not a reconnect state");
  const uint32_t version = fixed.layout_version;
  if (version < kOldestLayoutVersion || (version > kLayoutVersion && version != kLayoutResending)) {
    return refuse(why, "the state has layout version %u and this library knows versions %u to %u",
                  version, kOldestLayoutVersion, kLayoutVersion);
  }
  if (fixed.header_size != header_size(version)) {
    return refuse(why, "the state's header has %u bytes instead of %u", fixed.header_size,
                  header_size(version));
  }
  if (fixed.checksum != checksum_of(fixed)) {
    return refuse(why, "the state's header does not match its checksum");
  }
  const Sections& s = fixed.sections;
  const Geometry geometry{s.max_nodes, s.max_handles, s.max_slots, s.slot_buffer_size};
  if (const char* problem = impossible_geometry(geometry)) {
    return refuse(why, "the state's tables have impossible sizes: %s", problem);
  }
  if (!same_sections(s, lay_out(geometry, version))) {
    return refuse(why, "the state's sections are not where they belong");
  }
  if (file_size != s.total) {
    return refuse(why, "the state has %llu bytes instead of %llu",
                  static_cast<unsigned long long>(file_size),
                  static_cast<unsigned long long>(s.total));
  }
  if (!terminated(fixed.executable) || !terminated(fixed.options) ||
      !terminated(fixed.mountpoint)) {
    return refuse(why, "a text in the state has no end");
  }
  return true;
}

bool changing_words_possible(const Mapping& mapping, std::string* why) {
  const Header& header = mapping.header();
  if (load(header.incarnation) >> 32 == 0) {
    return refuse(why, "the state was never taken into use");
  }
  if (load(header.slots_ready) > mapping.sections().max_slots) {
    return refuse(why, "the state counts %u slots of at most %u", load(header.slots_ready),
                  mapping.sections().max_slots);
  }
  if (load(header.device_count) > kMaxDevices) {
    return refuse(why, "the state counts %u devices of at most %u", load(header.device_count),
                  kMaxDevices);
  }
  if (load(header.init_request_length) > kInitBytes ||
      load(header.init_reply_length) > kInitBytes) {
    return refuse(why, "the INIT messages in the state are longer than their places");
  }
  return mapping.heads_possible(why);
}

}  // namespace

Result<std::unique_ptr<Fixed>> read_fixed(int fd, std::string* why) {
  struct stat st;
  if (::fstat(fd, &st) != 0) return last_error();
  const auto size = static_cast<uint64_t>(st.st_size);
  if (!S_ISREG(st.st_mode) || size < kHeaderBytes) {
    refuse(why, "the file is too short to be a reconnect state");
    return Error{EPROTO};
  }
  auto fixed = std::make_unique<Fixed>();
  if (::pread(fd, fixed.get(), sizeof *fixed, 0) != static_cast<ssize_t>(sizeof *fixed)) {
    refuse(why, "the state cannot be read");
    return Error{EPROTO};
  }
  if (!fixed_possible(*fixed, size, why)) return Error{EPROTO};
  return fixed;
}

const char* impossible_geometry(const Geometry& geometry) {
  if (geometry.max_nodes < 16 || geometry.max_nodes > 1u << 30) {
    return "between 16 and 2^30 nodes can be kept";
  }
  if (geometry.max_handles < 16 || geometry.max_handles > 1u << 30) {
    return "between 16 and 2^30 handles can be kept";
  }
  if (geometry.max_slots < 1 || geometry.max_slots > 1u << 16) {
    return "between 1 and 65536 slots can be kept";
  }
  if (geometry.slot_buffer_size < kPage || geometry.slot_buffer_size > 1u << 30 ||
      geometry.slot_buffer_size % kPage != 0) {
    return "a slot's buffer is whole pages, at least one, at most 1 GiB";
  }
  return nullptr;
}

uint32_t header_size(uint32_t layout_version) {
  return layout_version <= kLayoutWithoutLocks ? kHeaderSizeWithoutLocks : sizeof(Header);
}

// As many locks as handles: one each is what programs have.
LockSection lock_section_of(const Sections& sections, uint32_t layout_version) {
  constexpr uint32_t kMostBuckets = 4096;
  LockSection locks;
  if (layout_version <= kLayoutWithoutLocks) return locks;
  locks.max_locks = sections.max_handles;
  locks.buckets = std::min(locks.max_locks, kMostBuckets);
  locks.buckets_at =
      sections.slots + uint64_t{sections.max_slots} * (uint64_t{kPage} + sections.slot_buffer_size);
  locks.records_at = locks.buckets_at + round_up(uint64_t{locks.buckets} * 4, kPage);
  return locks;
}

FloorSection floor_section_of(const Sections& sections, uint32_t layout_version) {
  FloorSection floors;
  if (layout_version <= kLayoutWithoutFloors) return floors;
  const LockSection locks = lock_section_of(sections, layout_version);
  const auto size = [](uint32_t max, uint32_t record_size) {
    return round_up(uint64_t{RecordSpace::chunks(max, record_size)} * sizeof(uint32_t), kPage);
  };
  floors.nodes_at =
      locks.records_at + round_up(uint64_t{locks.max_locks} * sizeof(LockRecord), kPage);
  floors.handles_at = floors.nodes_at + size(sections.max_nodes, sizeof(NodeRecord));
  floors.end = floors.handles_at + size(sections.max_handles, sizeof(HandleRecord));
  return floors;
}

Sections lay_out(const Geometry& geometry, uint32_t layout_version) {
  Sections s{};
  s.max_nodes = geometry.max_nodes;
  s.max_handles = geometry.max_handles;
  s.max_slots = geometry.max_slots;
  s.slot_buffer_size = geometry.slot_buffer_size;
  const uint64_t heads = round_up(uint64_t{Mapping::max_buckets(s.max_nodes)} * 4, kPage);
  s.edge_heads = kHeaderBytes;
  s.identity_heads = s.edge_heads + heads;
  s.nodes = s.identity_heads + heads;
  s.handles = s.nodes + round_up(uint64_t{s.max_nodes} * sizeof(NodeRecord), kPage);
  s.slots = s.handles + round_up(uint64_t{s.max_handles} * sizeof(HandleRecord), kPage);
  s.total = s.slots + uint64_t{s.max_slots} * (uint64_t{kPage} + s.slot_buffer_size);
  if (const LockSection locks = lock_section_of(s, layout_version); locks.max_locks > 0) {
    s.total = locks.records_at + round_up(uint64_t{locks.max_locks} * sizeof(LockRecord), kPage);
  }
  if (const FloorSection floors = floor_section_of(s, layout_version); floors.end > 0) {
    s.total = floors.end;
  }
  return s;
}

uint64_t checksum_of(const Fixed& fixed) {
  constexpr size_t kStart = offsetof(Fixed, checksum) + sizeof(fixed.checksum);
  const auto* byte = reinterpret_cast<const unsigned char*>(&fixed);
  uint64_t sum = 0xcbf2'9ce4'8422'2325;
  for (size_t i = kStart; i < sizeof fixed; ++i) sum = (sum ^ byte[i]) * 0x100'0000'01b3;
  return sum;
}

bool Mapping::heads_possible(std::string* why) const {
  const Heads& heads = header().heads;
  const uint32_t nodes = load(heads.node_high_water);
  if (nodes <= kRootIndex || nodes > sections_.max_nodes) {
    return refuse(why, "the state counts %u node records of at most %u", nodes,
                  sections_.max_nodes);
  }
  // INIT came by a device, into a slot.
  if (load(header().init_request_length) != 0 &&
      (load(header().slots_ready) == 0 || load(header().device_count) == 0)) {
    return refuse(why, "the state has an INIT request, but no device or no place for requests");
  }
  const uint32_t handles = load(heads.handle_high_water);
  if (handles == 0 || handles > sections_.max_handles) {
    return refuse(why, "the state counts %u handle records of at most %u", handles,
                  sections_.max_handles);
  }
  const uint32_t locks = load(header().locks.high_water);
  if (lock_section_.max_locks > 0 && (locks == 0 || locks > lock_section_.max_locks)) {
    return refuse(why, "the state counts %u lock records of at most %u", locks,
                  lock_section_.max_locks);
  }
  const uint32_t buckets = load(heads.buckets);
  if (buckets < kMinBuckets || buckets > max_buckets()) {
    return refuse(why, "the state has %u hash buckets, which is not between %u and %u", buckets,
                  kMinBuckets, max_buckets());
  }
  if (tag_kind(load(this->nodes()[kRootIndex].tag)) != static_cast<uint32_t>(Kind::node)) {
    return refuse(why, "the state has no root node");
  }
  return true;
}

Result<Mapping> Mapping::open(UniqueFd fd, std::string* why) {
  const auto read = read_fixed(fd.get(), why);
  if (!read) return read.as_error();
  const Fixed& fixed = **read;
  const uint64_t size = fixed.sections.total;
  void* base =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd.get(), 0);
  if (base == MAP_FAILED) {
    const Error error = last_error();
    refuse(why, "the state cannot be mapped (errno %d)", error.number);
    return error;
  }
  ::madvise(base, size, MADV_DONTDUMP);
  Mapping mapping(std::move(fd), static_cast<std::byte*>(base), fixed);
  if (!changing_words_possible(mapping, why)) return Error{EPROTO};
  return mapping;
}

}  // namespace fuse3::reconnect
