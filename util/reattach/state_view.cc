#include "state_view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "reconnect/holder/kernel_holder.h"
#include "reconnect/mapping_layout.h"

namespace fuse3::reattach {

using namespace reconnect;

namespace {

// Deeper than a path that the kernel takes; a damaged table may go in circles.
constexpr int kMostLevels = 2048;
constexpr uint32_t kRecordsAtOnce = 4096;

bool is_kind(const NodeRecord& record, Kind kind) {
  return tag_kind(record.tag) == static_cast<uint32_t>(kind);
}

uint64_t id_of(uint64_t tag, uint32_t index) {
  return uint64_t{tag_reuse(tag)} << 32 | index;
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

bool StateView::read_at(uint64_t offset, void* to, size_t size) const {
  return ::pread(fd_.get(), to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

Result<StateView> StateView::open(UniqueFd fd, std::string* why) {
  auto fixed = read_fixed(fd.get(), why);
  if (!fixed) return fixed.as_error();
  StateView view(std::move(fd), std::make_unique<Header>());
  if (!view.read_at(0, view.header_.get(), sizeof(Header))) {
    *why = "the state cannot be read";
    return Error{EPROTO};
  }
  Header& header = *view.header_;
  header.fixed = **fixed;  // what was judged
  const Sections& sections = header.fixed.sections;
  header.slots_ready = std::min(header.slots_ready, sections.max_slots);
  header.heads.node_high_water = std::min(header.heads.node_high_water, sections.max_nodes);
  header.heads.handle_high_water = std::min(header.heads.handle_high_water, sections.max_handles);
  return view;
}

bool StateView::kernel_keeps_connection() const {
  const size_t length = header_->init_reply_length;
  if (length > sizeof header_->init_reply) return false;
  return asks_kernel_to_wait(std::as_bytes(std::span(header_->init_reply)).first(length));
}

void StateView::for_each_slot(const std::function<void(const SlotView&)>& see) const {
  const Sections& sections = header_->fixed.sections;
  auto slot = std::make_unique<SlotHeader>();
  for (uint32_t i = 0; i < header_->slots_ready; ++i) {
    const uint64_t at =
        sections.slots + uint64_t{i} * (uint64_t{kPage} + sections.slot_buffer_size);
    SlotView view{};
    if (!read_at(at, slot.get(), sizeof *slot) ||
        !read_at(at + kPage, &view.request, sizeof view.request)) {
      return;
    }
    view.index = i;
    view.stage = static_cast<Stage>(slot->stage);
    view.device = slot->device;
    view.deaths = slot->deaths;
    if (view.request.len != 0) see(view);
  }
}

bool StateView::node(uint32_t index, NodeRecord* record) const {
  return index < header_->heads.node_high_water &&
         read_at(header_->fixed.sections.nodes + uint64_t{index} * sizeof *record, record,
                 sizeof *record);
}

std::string StateView::name_of(const NodeRecord& record) const {
  const size_t length = std::min(meta_length(record.meta), kMaxName);
  char bytes[kMaxName];
  size_t done = std::min<size_t>(length, kInlineName);
  std::memcpy(bytes, record.name, done);
  uint32_t next = record.text;
  while (done < length) {
    NodeRecord more;
    TextRecord text;
    if (!node(next, &more) || !is_kind(more, Kind::text)) break;
    std::memcpy(&text, &more, sizeof text);
    const size_t part = std::min<size_t>(length - done, kTextRecordBytes);
    std::memcpy(bytes + done, text.bytes, part);
    done += part;
    next = text.text;
  }
  return printable(std::string(bytes, done));
}

std::string StateView::path_of(uint32_t index) const {
  if (index == kRootIndex) return "/";
  std::string path;
  for (int level = 0; index != kRootIndex; ++level) {
    NodeRecord record;
    if (level == kMostLevels || !node(index, &record) || !is_kind(record, Kind::node)) return "?";
    // It has been removed, or was never seen under a name.
    if (record.parent == 0) return "(no name)" + path;
    path = "/" + name_of(record) + path;
    index = record.parent;
  }
  return path;
}

void StateView::for_each_node(size_t limit, const std::function<void(const NodeView&)>& see) const {
  std::vector<NodeRecord> records(kRecordsAtOnce);
  const uint32_t end = header_->heads.node_high_water;
  for (uint32_t first = 0; first < end && limit > 0; first += kRecordsAtOnce) {
    const uint32_t count = std::min(kRecordsAtOnce, end - first);
    if (!read_at(header_->fixed.sections.nodes + uint64_t{first} * sizeof(NodeRecord),
                 records.data(), count * sizeof(NodeRecord))) {
      return;
    }
    for (uint32_t i = std::max(first, kRootIndex); i < first + count && limit > 0; ++i) {
      const NodeRecord& record = records[i - first];
      if (!is_kind(record, Kind::node) || record.kernel_count == 0) continue;
      see({id_of(record.tag, i), record.kernel_count, meta_type(record.meta), path_of(i)});
      --limit;
    }
  }
}

void StateView::for_each_handle(size_t limit,
                                const std::function<void(const HandleView&)>& see) const {
  for (uint32_t i = 1; i < header_->heads.handle_high_water && limit > 0; ++i) {
    HandleRecord record;
    if (!read_at(header_->fixed.sections.handles + uint64_t{i} * sizeof record, &record,
                 sizeof record)) {
      return;
    }
    const auto kind = static_cast<HandleKind>(tag_kind(record.tag));
    if (kind == HandleKind::free) continue;
    see({id_of(record.tag, i), kind == HandleKind::directory, record.open_flags,
         record.bound_generation != generation(), path_of(static_cast<uint32_t>(record.node))});
    --limit;
  }
}

uint32_t StateView::lock_count() const {
  const Fixed& fixed = header_->fixed;
  const LockSection section = lock_section_of(fixed.sections, fixed.layout_version);
  return section.max_locks > 0 ? header_->locks.count : 0;
}

// A record says by its place in a chain that it is in use. A chain that is changed meanwhile, or is
// damaged, may lead anywhere, so no more records are read than there are.
void StateView::for_each_lock(size_t limit, const std::function<void(const LockView&)>& see) const {
  const Fixed& fixed = header_->fixed;
  const LockSection section = lock_section_of(fixed.sections, fixed.layout_version);
  if (section.max_locks == 0 || lock_count() == 0) return;
  const uint32_t end = std::min(header_->locks.high_water, section.max_locks);
  std::vector<uint32_t> buckets(section.buckets);
  if (!read_at(section.buckets_at, buckets.data(), buckets.size() * sizeof(uint32_t))) return;
  uint32_t left = end;
  for (uint32_t index : buckets) {
    for (; index != 0 && index < end && left > 0 && limit > 0; --left, --limit) {
      LockRecord record;
      if (!read_at(section.records_at + uint64_t{index} * sizeof record, &record, sizeof record)) {
        return;
      }
      see({static_cast<LockKind>(record.flags & 1), record.type == F_WRLCK,
           (record.flags & kLockLost) != 0, record.start, record.end, record.owner, record.pid,
           path_of(static_cast<uint32_t>(record.node))});
      index = record.next;
    }
  }
}

}  // namespace fuse3::reattach
