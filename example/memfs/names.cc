// Names: finding, making, moving, removing and listing them.
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "operations.h"

namespace {

using Guard = std::lock_guard<std::mutex>;

constexpr size_t kNameMax = 255;

void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  const fuse_ino_t ino = nodes.Look(*nodes.Find(parent), name);
  if (ino != 0) {
    ReplyNode(req, nodes, ino);
  } else {
    fuse_reply_err(req, ENOENT);
  }
}

void Forget(fuse_req_t req, fuse_ino_t ino, uint64_t count) {
  Nodes& nodes = NodesOf(req);
  {
    const Guard guard(nodes.lock);
    nodes.Forget(ino, count);
  }
  fuse_reply_none(req);
}

// 0 when a name can be made in a directory, or why not.
int CannotMake(Nodes& nodes, fuse_ino_t parent, const char* name) {
  const Node& directory = *nodes.Find(parent);
  if (std::strlen(name) > kNameMax) {
    return ENAMETOOLONG;
  }
  if (directory.attributes.st_nlink < 2) {
    return ENOENT;  // it was removed, and is still open
  }
  return nodes.Look(directory, name) != 0 ? EEXIST : 0;
}

void Make(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device,
          const char* target) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  if (const int error = CannotMake(nodes, parent, name); error != 0) {
    fuse_reply_err(req, error);
    return;
  }
  const fuse_ino_t ino = nodes.Make(req, parent, mode, device);
  if (target != nullptr) {
    Node& link = *nodes.Find(ino);
    link.data = target;
    link.attributes.st_size = static_cast<off_t>(link.data.size());
  }
  nodes.Link(parent, name, ino);
  ReplyNode(req, nodes, ino);
}

void MkNod(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
  Make(req, parent, name, mode, device, nullptr);
}

void MkDir(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode) {
  Make(req, parent, name, S_IFDIR | mode, 0, nullptr);
}

void Symlink(fuse_req_t req, const char* target, fuse_ino_t parent, const char* name) {
  Make(req, parent, name, S_IFLNK | 0777, 0, target);
}

void Create(fuse_req_t req, fuse_ino_t parent, const char* name, mode_t mode,
            fuse_file_info* file) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  fuse_ino_t ino = nodes.Look(*nodes.Find(parent), name);
  if (ino == 0) {
    if (const int error = CannotMake(nodes, parent, name); error != 0) {
      fuse_reply_err(req, error);
      return;
    }
    ino = nodes.Make(req, parent, S_IFREG | (mode & 07777), 0);
    nodes.Link(parent, name, ino);
  } else if ((file->flags & O_EXCL) != 0) {
    fuse_reply_err(req, EEXIST);
    return;
  }
  const fuse_entry_param entry = EntryOf(nodes, ino);
  file->keep_cache = 1;
  nodes.AddLookup(ino);
  if (fuse_reply_create(req, &entry, file) != 0) {
    nodes.Forget(ino, 1);
  }
}

void Link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char* name) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  if (const int error = CannotMake(nodes, parent, name); error != 0) {
    fuse_reply_err(req, error);
    return;
  }
  nodes.Link(parent, name, ino);
  ReplyNode(req, nodes, ino);
}

// 0 when a name can be removed, as that of a directory or of something else, or why not.
int CannotRemove(Nodes& nodes, fuse_ino_t parent, const char* name, bool directory) {
  const fuse_ino_t ino = nodes.Look(*nodes.Find(parent), name);
  if (ino == 0) {
    return ENOENT;
  }
  const Node& node = *nodes.Find(ino);
  if (node.IsDirectory() != directory) {
    return directory ? ENOTDIR : EISDIR;
  }
  return node.entries.empty() ? 0 : ENOTEMPTY;
}

void Remove(fuse_req_t req, fuse_ino_t parent, const char* name, bool directory) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  const int error = CannotRemove(nodes, parent, name, directory);
  if (error == 0) {
    nodes.Unlink(parent, name);
  }
  fuse_reply_err(req, error);
}

void Unlink(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Remove(req, parent, name, false);
}

void RmDir(fuse_req_t req, fuse_ino_t parent, const char* name) {
  Remove(req, parent, name, true);
}

// 0 or an error. That a directory does not move into itself, the kernel has seen to.
int MoveName(Nodes& nodes, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
             const char* new_name, unsigned flags) {
  const fuse_ino_t ino = nodes.Look(*nodes.Find(parent), name);
  const fuse_ino_t there = nodes.Look(*nodes.Find(new_parent), new_name);
  if (ino == 0) {
    return ENOENT;
  }
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) {
    return EINVAL;
  }
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  if (exchange && there == 0) {
    return ENOENT;
  }
  if (there != 0 && (flags & RENAME_NOREPLACE) != 0) {
    return EEXIST;
  }
  if (there == ino) {
    return 0;
  }
  if (there != 0 && !exchange) {
    const int error = CannotRemove(nodes, new_parent, new_name, nodes.Find(ino)->IsDirectory());
    if (error != 0) {
      return error;
    }
  }
  // Between its names a node has none, and must not go for that.
  nodes.AddLookup(ino);
  nodes.Unlink(parent, name);
  if (there != 0) {
    nodes.AddLookup(there);
    nodes.Unlink(new_parent, new_name);
  }
  nodes.Link(new_parent, new_name, ino);
  if (exchange) {
    nodes.Link(parent, name, there);
  }
  nodes.Forget(ino, 1);
  if (there != 0) {
    nodes.Forget(there, 1);
  }
  return 0;
}

void Rename(fuse_req_t req, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
            const char* new_name, unsigned flags) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  fuse_reply_err(req, std::strlen(new_name) > kNameMax
                          ? ENAMETOOLONG
                          : MoveName(nodes, parent, name, new_parent, new_name, flags));
}

void ReadLink(fuse_req_t req, fuse_ino_t ino) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  fuse_reply_readlink(req, nodes.Find(ino)->data.c_str());
}

// Entries are numbered from 1; the offset is the number of the last one that was seen.
void ReadDir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info*) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  const Node& directory = *nodes.Find(ino);
  std::vector<char> buffer(size);
  size_t used = 0;
  const auto add = [&](const char* name, fuse_ino_t of, uint64_t number) {
    const size_t need = fuse_add_direntry(req, buffer.data() + used, size - used, name,
                                          &nodes.Find(of)->attributes, static_cast<off_t>(number));
    if (need > size - used) {
      return false;
    }
    used += need;
    return true;
  };
  bool room = true;
  if (offset < 1) {
    room = add(".", ino, 1);
  }
  if (offset < 2 && room) {
    room = add("..", directory.parent, 2);
  }
  auto next = directory.listing.upper_bound(static_cast<uint64_t>(offset));
  for (; room && next != directory.listing.end(); ++next) {
    room = add(next->second.c_str(), nodes.Look(directory, next->second), next->first);
  }
  fuse_reply_buf(req, buffer.data(), used);
}

}  // namespace

fuse_entry_param EntryOf(Nodes& nodes, fuse_ino_t ino) {
  fuse_entry_param entry{};
  entry.ino = ino;
  entry.attr = nodes.Find(ino)->attributes;
  entry.attr_timeout = kForever;
  entry.entry_timeout = kForever;
  return entry;
}

// The lookup counts before the kernel can take it back, and not at all if it never heard of it.
void ReplyNode(fuse_req_t req, Nodes& nodes, fuse_ino_t ino) {
  const fuse_entry_param entry = EntryOf(nodes, ino);
  nodes.AddLookup(ino);
  if (fuse_reply_entry(req, &entry) != 0) {
    nodes.Forget(ino, 1);
  }
}

void AddNameOperations(fuse_lowlevel_ops* operations) {
  operations->lookup = Lookup;
  operations->forget = Forget;
  operations->mknod = MkNod;
  operations->mkdir = MkDir;
  operations->symlink = Symlink;
  operations->create = Create;
  operations->link = Link;
  operations->unlink = Unlink;
  operations->rmdir = RmDir;
  operations->rename = Rename;
  operations->readlink = ReadLink;
  operations->readdir = ReadDir;
}
