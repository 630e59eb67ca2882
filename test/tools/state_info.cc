// state-info FILE: what a connection's state says, as "name value" lines, while its server runs or
// when it is gone. Nothing is changed; words that are being changed meanwhile may be of different
// moments.

#include <fcntl.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "reconnect/layout.h"
#include "reconnect/mapping.h"
#include "support/unique_fd.h"

namespace {

using fuse3::reconnect::HandleKind;
using fuse3::reconnect::Kind;
using fuse3::reconnect::load;
using fuse3::reconnect::Mapping;
using fuse3::reconnect::NodeRecord;
using fuse3::reconnect::Stage;
using fuse3::reconnect::tag_kind;

void print(const char* name, uint64_t value) {
  std::printf("%s %" PRIu64 "\n", name, value);
}

// Records of directory streams that no directory uses; they are kept for the next one.
uint64_t free_stream_records(const Mapping& mapping) {
  const uint32_t end = load(mapping.header().heads.node_high_water);
  const auto next = [&](uint32_t word) { return word < end ? word : 0; };
  uint64_t count = 0;
  const NodeRecord* nodes = mapping.nodes();
  for (uint32_t chain = next(load(nodes[0].free_next)); chain != 0 && count <= end;
       chain = next(load(nodes[chain].free_next))) {
    for (uint32_t i = chain; i != 0 && count <= end; i = next(load(nodes[i].text))) ++count;
  }
  return count;
}

// Counted one by one, so that the tables' own counters can be compared with what is in them.
void print_nodes(const Mapping& mapping) {
  uint64_t lookups = 0, nodes = 0, records = 0;
  const uint32_t end = load(mapping.header().heads.node_high_water);
  for (uint32_t index = 1; index < end && index < mapping.sections().max_nodes; ++index) {
    const NodeRecord& record = mapping.nodes()[index];
    const uint32_t kind = tag_kind(load(record.tag));
    if (kind != static_cast<uint32_t>(Kind::free)) ++records;
    if (kind != static_cast<uint32_t>(Kind::node)) continue;
    const uint64_t count = load(record.kernel_count);
    lookups += count;
    nodes += count != 0;
  }
  print("nodes", load(mapping.header().heads.known_nodes));
  print("nodes_counted", nodes);
  print("lookups", lookups);
  print("records", records - free_stream_records(mapping));
}

void print_handles(const Mapping& mapping) {
  uint64_t handles = 0;
  const uint32_t end = load(mapping.header().heads.handle_high_water);
  for (uint32_t index = 1; index < end && index < mapping.sections().max_handles; ++index) {
    const uint32_t kind = tag_kind(load(mapping.handles()[index].tag));
    handles += kind != static_cast<uint32_t>(HandleKind::free);
  }
  print("handles", load(mapping.header().heads.handle_count));
  print("handles_counted", handles);
}

void print_locks(const Mapping& mapping) {
  const bool any = mapping.lock_section().max_locks > 0;
  print("locks", any ? load(mapping.header().locks.count) : 0);
}

void print_slots(const Mapping& mapping) {
  const uint32_t end = load(mapping.header().slots_ready);
  uint64_t running = 0, replied = 0;
  for (uint32_t index = 0; index < end && index < mapping.sections().max_slots; ++index) {
    const uint32_t stage = load(mapping.slot(index)->stage);
    running += stage == static_cast<uint32_t>(Stage::running);
    replied += stage == static_cast<uint32_t>(Stage::replied);
  }
  print("slots", end);
  print("slots_running", running);
  print("slots_replied", replied);
}

void print_header(const Mapping& mapping) {
  const auto& header = mapping.header();
  const uint64_t incarnation = load(header.incarnation);
  print("connection", header.fixed.connection);
  print("generation", incarnation >> 32);
  print("server_pid", incarnation & UINT32_MAX);
  print("devices", load(header.device_count));
  print("replayed", load(header.figures.replayed));
  print("resent", load(header.figures.resent));
  print("kernel_resent", load(header.kernel_resent));
  print("resend_unknown", load(header.resend_unknown));
  print("resend_missing", load(header.resend_missing));
  print("poisoned", load(header.figures.poisoned));
  print("stale", load(header.figures.stale));
  print("deaths", load(header.figures.deaths));
  print("last_recovery_ns", load(header.figures.last_recovery_ns));
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s STATE-FILE\n", argv[0]);
    return 2;
  }
  fuse3::UniqueFd fd(::open(argv[1], O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    std::fprintf(stderr, "%s: %s\n", argv[1], std::strerror(errno));
    return 1;
  }
  std::string why;
  auto mapping = Mapping::open(std::move(fd), &why);
  if (!mapping) {
    std::fprintf(stderr, "%s: %s\n", argv[1], why.c_str());
    return 1;
  }
  print_header(*mapping);
  print_nodes(*mapping);
  print_handles(*mapping);
  print_locks(*mapping);
  print_slots(*mapping);
  return 0;
}
