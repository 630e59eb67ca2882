#include "reconnect/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "reconnect/mapping_layout.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace fuse3::reconnect {
namespace {

Result<void> put_text(char (&to)[kTextBytes], std::string_view text) {
  if (text.size() >= kTextBytes) return Error{E2BIG};
  text.copy(to, text.size());
  to[text.size()] = '\0';
  return {};
}

uint64_t random_seed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) {
    seed = static_cast<uint64_t>(::getpid()) * 0x9e37'79b9'7f4a'7c15;
  }
  return seed;
}

}  // namespace

Result<Mapping> Mapping::create(UniqueFd fd, const StateParameters& parameters) {
  const Geometry& geometry = parameters.geometry;
  if (impossible_geometry(geometry)) return Error{EINVAL};
  auto fixed = std::make_unique<Fixed>();
  std::memset(fixed.get(), 0, sizeof *fixed);
  fixed->magic = kMagic;
  fixed->layout_version = parameters.layout_version;
  fixed->header_size = header_size(parameters.layout_version);
  fixed->sections = lay_out(geometry, parameters.layout_version);
  fixed->hash_seed = random_seed();
  fixed->connection = parameters.connection;
  fixed->owner = parameters.owner;
  if (!put_text(fixed->executable, parameters.executable) ||
      !put_text(fixed->options, parameters.options) ||
      !put_text(fixed->mountpoint, parameters.mountpoint)) {
    return Error{E2BIG};
  }
  fixed->checksum = checksum_of(*fixed);

  const Sections& sections = fixed->sections;
  // Going over this limit is not an error but a signal (`ulimit -f`).
  rlimit largest{};
  if (::getrlimit(RLIMIT_FSIZE, &largest) == 0 && largest.rlim_cur < sections.total) {
    return Error{EFBIG};
  }
  if (::ftruncate(fd.get(), static_cast<off_t>(sections.total)) != 0) return last_error();
  // A memfd keeps its size from now on, whoever holds it; other files cannot be sealed.
  (void)::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  void* base = ::mmap(nullptr, sections.total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                      fd.get(), 0);
  if (base == MAP_FAILED) return last_error();
  ::madvise(base, sections.total, MADV_DONTDUMP);
  Mapping mapping(std::move(fd), static_cast<std::byte*>(base), *fixed);
  if (auto ok = mapping.ensure(0, kHeaderBytes); !ok) return ok.as_error();
  Header& header = mapping.header();
  if (mapping.lock_section_.max_locks > 0) {
    const LockSection& locks = mapping.lock_section_;
    if (auto ok = mapping.ensure(locks.buckets_at, uint64_t{locks.buckets} * 4); !ok) {
      return ok.as_error();
    }
    header.locks.high_water = 1;
  }
  header.heads.buckets = kMinBuckets;
  header.heads.handle_high_water = 1;
  header.heads.node_high_water = 1;
  std::memcpy(&header.fixed, fixed.get(), sizeof *fixed);
  return mapping;
}

Mapping::Mapping(UniqueFd fd, std::byte* base, const Fixed& fixed)
    : fd_(std::move(fd)),
      base_(base),
      sections_(fixed.sections),
      lock_section_(lock_section_of(fixed.sections, fixed.layout_version)),
      floor_section_(floor_section_of(fixed.sections, fixed.layout_version)),
      hash_seed_(fixed.hash_seed) {}

Mapping::Mapping(Mapping&& other) noexcept
    : fd_(std::move(other.fd_)),
      base_(std::exchange(other.base_, nullptr)),
      sections_(other.sections_),
      lock_section_(other.lock_section_),
      floor_section_(other.floor_section_),
      hash_seed_(other.hash_seed_) {}

Mapping::~Mapping() {
  if (base_) ::munmap(base_, sections_.total);
}

Result<void> Mapping::ensure(uint64_t offset, uint64_t length) {
  const uint64_t first = offset / kPage * kPage;
  const uint64_t end = std::min(round_up(offset + length, kPage), sections_.total);
  while (::fallocate(fd_.get(), 0, static_cast<off_t>(first), static_cast<off_t>(end - first)) !=
         0) {
    if (errno != EINTR) return last_error();
  }
  return {};
}

uint32_t Mapping::layout_version() const {
  if (floor_section_.nodes_at != 0) return kLayoutVersion;
  return lock_section_.max_locks > 0 ? kLayoutWithoutFloors : kLayoutWithoutLocks;
}

void Mapping::punch(uint64_t offset, uint64_t length) {
  const uint64_t end = std::min(round_up(offset + length, kPage), sections_.total);
  // Where that is not possible the memory stays, and means nothing.
  (void)::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(offset), static_cast<off_t>(end - offset));
}

void Mapping::populate(uint64_t offset, uint64_t length) {
  std::byte* first = base_ + offset / kPage * kPage;
  std::byte* end = base_ + std::min(round_up(offset + length, kPage), sections_.total);
  if (::madvise(first, static_cast<size_t>(end - first), MADV_POPULATE_WRITE) == 0) return;
  for (std::byte* page = first; page < end; page += kPage) {
    std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(page)).fetch_or(0);
  }
}

void Mapping::pin(uint64_t offset, uint64_t length) {
  // Locking first halves the cost: it brings the pages in, and writing to them then only needs to
  // be allowed. When it is not permitted, populating does it all.
  (void)::mlock(base_ + offset, length);
  populate(offset, length);
}

bool Mapping::may_journal(uint64_t offset, uint32_t width) const {
  if (offset % width != 0) return false;
  const auto within = [&](uint64_t start, uint64_t length) {
    return offset >= start && offset - start < length;
  };
  const Sections& s = sections_;
  if (within(offsetof(Header, heads), sizeof(Heads)) ||
      within(s.edge_heads, uint64_t{max_buckets()} * 4) ||
      within(s.identity_heads, uint64_t{max_buckets()} * 4) ||
      offset == s.nodes + offsetof(NodeRecord, free_next) ||
      within(s.nodes + sizeof(NodeRecord), (uint64_t{s.max_nodes} - 1) * sizeof(NodeRecord)) ||
      within(s.handles + sizeof(HandleRecord),
             (uint64_t{s.max_handles} - 1) * sizeof(HandleRecord))) {
    return true;
  }
  if (const LockSection& locks = lock_section_; locks.max_locks > 0) {
    if (within(offsetof(Header, locks), sizeof(LockHeads)) ||
        within(locks.buckets_at, uint64_t{locks.buckets} * 4) ||
        within(locks.records_at + sizeof(LockRecord),
               (uint64_t{locks.max_locks} - 1) * sizeof(LockRecord))) {
      return true;
    }
  }
  const uint64_t stride = uint64_t{kPage} + s.slot_buffer_size;
  if (!within(s.slots, stride * s.max_slots)) return false;
  const uint64_t in_slot = (offset - s.slots) % stride;
  return in_slot < offsetof(SlotHeader, journal_count) || in_slot == kPage;
}

}  // namespace fuse3::reconnect
