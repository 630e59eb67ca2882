// Attributes as the options want them, and names that become nodes of the kernel.
#include <cerrno>

#include "highlevel/call.h"
#include "support/newer_fields.h"

namespace fuse3 {
namespace {

mode_t cut(const fuse_config& config, mode_t mode) {
  const uint32_t special =
      S_ISDIR(mode) ? FUSE3_FIELD_OR(config, dmask, 0u) : FUSE3_FIELD_OR(config, fmask, 0u);
  const uint32_t mask = special != 0 ? special : config.umask;
  return (mode & S_IFMT) | (0777 & ~mask);
}

}  // namespace

void adapt(const fuse_config& config, uint64_t number, struct stat& attributes) {
  if (config.use_ino == 0) attributes.st_ino = number;
  if (config.set_mode != 0) attributes.st_mode = cut(config, attributes.st_mode);
  if (config.set_uid != 0) attributes.st_uid = config.uid;
  if (config.set_gid != 0) attributes.st_gid = config.gid;
}

// Questions of the library itself have no message, and nobody looks at the number then.
uint64_t own_number(const fuse_req& req) {
  return req.message.has_value() ? req.message->node().value : 0;
}

namespace {

void describe(Call& call, Node& node, const struct stat& attributes, fuse_entry_param& entry) {
  if (call.config.auto_cache != 0) see_contents(call.tree, node, attributes);
  entry.ino = node.index;
  entry.generation = node.reuse;
  entry.attr = attributes;
  entry.attr_timeout = call.config.attr_timeout;
  entry.entry_timeout = call.config.entry_timeout;
  adapt(call.config, entry.ino, entry.attr);
}

}  // namespace

int make_entry(Call& call, Node& parent, std::string_view name, const struct stat& attributes,
               fuse_entry_param& entry) {
  const auto node = call.tree.look_up(parent, name);
  if (!node) return -node.error();
  describe(call, **node, attributes, entry);
  return 0;
}

int find_entry(Call& call, const PathHold& path, std::string_view name, fuse_file_info* info,
               fuse_entry_param& entry, size_t end) {
  struct stat attributes {};
  const int error = layer::getattr(call.fs, path.path(end), &attributes, info);
  if (error != 0) return error;
  if (!name.empty()) return make_entry(call, path.node(end), name, attributes, entry);
  call.tree.look_up_again(path.node(end));
  describe(call, path.node(end), attributes, entry);
  return 0;
}

void forget_lookup(Call& call, uint64_t number, uint64_t count) {
  if (Node* node = call.tree.find(number)) call.tree.forget(*node, count);
}

void finish_entry(Call& call, int error, const fuse_entry_param& entry) {
  if (error != 0) return finish(call, error);
  if (reply_entry(call.req, entry) == -ENOENT) forget_lookup(call, entry.ino, 1);
}

// ---- auto_cache

namespace {

bool same_time(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

timespec now() {
  timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time;
}

double seconds_between(const timespec& from, const timespec& to) {
  return static_cast<double>(to.tv_sec - from.tv_sec) +
         static_cast<double>(to.tv_nsec - from.tv_nsec) / 1e9;
}

}  // namespace

// What the kernel has cached stays right as long as size and modification time do.
void see_contents(Tree& tree, Node& node, const struct stat& attributes) {
  tree.with(node, [&] {
    SeenContents& seen = node.seen;
    if (!same_time(seen.modified, attributes.st_mtim) || seen.size != attributes.st_size) {
      seen.valid = false;
    }
    seen.modified = attributes.st_mtim;
    seen.size = attributes.st_size;
    seen.when = now();
  });
}

void apply_auto_cache(Call& call, Node& node, const char* path, fuse_file_info& info) {
  bool valid = false;
  bool old = false;
  call.tree.with(node, [&] {
    valid = node.seen.valid;
    const double limit = call.config.ac_attr_timeout_set != 0 ? call.config.ac_attr_timeout
                                                              : call.config.attr_timeout;
    old = valid && seconds_between(node.seen.when, now()) > limit;
  });
  if (old) {
    struct stat attributes {};
    if (layer::getattr(call.fs, path, &attributes, &info) == 0) {
      see_contents(call.tree, node, attributes);
      valid = call.tree.with(node, [&] { return node.seen.valid; });
    } else {
      valid = false;
    }
  }
  if (valid) info.keep_cache = 1;
  call.tree.with(node, [&] { node.seen.valid = true; });
}

}  // namespace fuse3
