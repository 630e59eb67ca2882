// Names: 32 bytes in the record that carries the edge, the rest in text records.
#include <algorithm>
#include <cstring>

#include "reconnect/node_table.h"
#include "support/hash.h"

namespace fuse3::reconnect {
namespace {

char* text_bytes(NodeRecord& record) {
  return reinterpret_cast<char*>(&record) + offsetof(TextRecord, bytes);
}

struct InlineName {
  uint64_t words[kInlineName / 8] = {};
  explicit InlineName(std::string_view name) {
    std::memcpy(words, name.data(), std::min<size_t>(name.size(), kInlineName));
  }
};

}  // namespace

uint32_t NodeTable::hash_edge(uint32_t parent, std::string_view name) const {
  const uint64_t h = hash_bytes(mapping_.hash_seed() ^ parent, name);
  return static_cast<uint32_t>(h ^ (h >> 32));
}

uint32_t NodeTable::hash_identity(uint64_t ino) const {
  const uint64_t h = hash_mix(ino ^ mapping_.hash_seed(), kHashMix1);
  return static_cast<uint32_t>(h ^ (h >> 32));
}

bool NodeTable::name_is(uint32_t carrier, std::string_view name) const {
  const NodeRecord* r = &record(carrier);
  if (meta_length(r->meta) != name.size()) return false;
  size_t done = std::min<size_t>(name.size(), kInlineName);
  if (std::memcmp(r->name, name.data(), done) != 0) return false;
  while (done < name.size()) {
    if (!is(r->text, Kind::text)) return false;
    r = &record(r->text);
    const size_t part = std::min<size_t>(name.size() - done, kTextRecordBytes);
    if (std::memcmp(text_bytes(const_cast<NodeRecord&>(*r)), name.data() + done, part) != 0) {
      return false;
    }
    done += part;
  }
  return true;
}

std::string_view NodeTable::copy_name(uint32_t carrier, char* to) const {
  const NodeRecord* r = &record(carrier);
  const size_t length = std::min(meta_length(r->meta), kMaxName);
  size_t done = std::min<size_t>(length, kInlineName);
  std::memcpy(to, r->name, done);
  while (done < length && is(r->text, Kind::text)) {
    r = &record(r->text);
    const size_t part = std::min<size_t>(length - done, kTextRecordBytes);
    std::memcpy(to + done, text_bytes(const_cast<NodeRecord&>(*r)), part);
    done += part;
  }
  return {to, done};
}

// The records a name needs besides its carrier's; filled in directly, since nothing names them yet.
Result<uint32_t> NodeTable::make_texts(Txn& txn, std::string_view name) {
  if (name.size() > kMaxName) return Error{ENAMETOOLONG};
  uint32_t first = 0;
  size_t end = name.size();
  while (end > kInlineName) {
    const size_t start =
        kInlineName + (end - kInlineName - 1) / kTextRecordBytes * kTextRecordBytes;
    auto made = allocate(txn, Kind::text);
    if (!made) return made.as_error();
    NodeRecord& r = record(*made);
    store(r.text, first);
    std::memcpy(text_bytes(r), name.data() + start, end - start);
    first = *made;
    end = start;
  }
  return first;
}

// For a record that nothing names yet.
void NodeTable::fill_name(uint32_t carrier, std::string_view name, uint32_t texts) {
  NodeRecord& r = record(carrier);
  const InlineName start(name);
  std::memcpy(r.name, start.words, sizeof r.name);
  store(r.text, texts);
  store(r.meta, make_meta(meta_dev(r.meta), meta_type(r.meta), static_cast<uint32_t>(name.size())));
}

void NodeTable::set_name(Txn& txn, uint32_t carrier, std::string_view name, uint32_t texts) {
  NodeRecord& r = record(carrier);
  const InlineName start(name);
  for (size_t i = 0; i < std::size(r.name); ++i) txn.set(r.name[i], start.words[i]);
  txn.set(r.text, texts);
  const uint64_t meta = txn.get(r.meta);
  txn.set(r.meta, make_meta(meta_dev(meta), meta_type(meta), static_cast<uint32_t>(name.size())));
}

}  // namespace fuse3::reconnect
