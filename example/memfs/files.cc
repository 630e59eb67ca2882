// What is in files: attributes, plain and extended, and data.
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "operations.h"

namespace {

using Guard = std::lock_guard<std::mutex>;

// More than this is a mistake more often than a wish.
constexpr off_t kSizeMax = off_t{1} << 32;

void GetAttr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  fuse_reply_attr(req, &nodes.Find(ino)->attributes, kForever);
}

void SetTimes(struct stat* attributes, const struct stat& wanted, int to_set) {
  if ((to_set & FUSE_SET_ATTR_ATIME_NOW) != 0) {
    Touch(&attributes->st_atim);
  } else if ((to_set & FUSE_SET_ATTR_ATIME) != 0) {
    attributes->st_atim = wanted.st_atim;
  }
  if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) {
    Touch(&attributes->st_mtim);
  } else if ((to_set & FUSE_SET_ATTR_MTIME) != 0) {
    attributes->st_mtim = wanted.st_mtim;
  }
}

void SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* wanted, int to_set, fuse_file_info*) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  Node& node = *nodes.Find(ino);
  struct stat& attributes = node.attributes;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0) {
    if (wanted->st_size > kSizeMax) {
      fuse_reply_err(req, EFBIG);
      return;
    }
    SetSize(&node, static_cast<size_t>(wanted->st_size));
    TouchContents(&node);
  }
  if ((to_set & FUSE_SET_ATTR_MODE) != 0) {
    attributes.st_mode = (attributes.st_mode & S_IFMT) | (wanted->st_mode & 07777);
  }
  if ((to_set & FUSE_SET_ATTR_UID) != 0) {
    attributes.st_uid = wanted->st_uid;
  }
  if ((to_set & FUSE_SET_ATTR_GID) != 0) {
    attributes.st_gid = wanted->st_gid;
  }
  SetTimes(&attributes, *wanted, to_set);
  Touch(&attributes.st_ctim);
  fuse_reply_attr(req, &attributes, kForever);
}

void Open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* file) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  if ((file->flags & O_TRUNC) != 0) {
    SetSize(nodes.Find(ino), 0);
    TouchContents(nodes.Find(ino));
  }
  file->keep_cache = 1;
  fuse_reply_open(req, file);
}

void Read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info*) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  Node& node = *nodes.Find(ino);
  Touch(&node.attributes.st_atim);
  const size_t start = std::min(static_cast<size_t>(offset), node.data.size());
  fuse_reply_buf(req, node.data.data() + start, std::min(size, node.data.size() - start));
}

void Write(fuse_req_t req, fuse_ino_t ino, const char* data, size_t size, off_t offset,
           fuse_file_info*) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  Node& node = *nodes.Find(ino);
  const off_t end = offset + static_cast<off_t>(size);
  if (end > kSizeMax) {
    fuse_reply_err(req, EFBIG);
    return;
  }
  if (static_cast<size_t>(end) > node.data.size()) {
    SetSize(&node, static_cast<size_t>(end));
  }
  node.data.replace(static_cast<size_t>(offset), size, data, size);
  TouchContents(&node);
  fuse_reply_write(req, size);
}

void SetXattr(fuse_req_t req, fuse_ino_t ino, const char* name, const char* value, size_t size,
              int flags) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  Node& node = *nodes.Find(ino);
  const bool there = node.xattrs.count(name) != 0;
  int error = 0;
  if (there && (flags & XATTR_CREATE) != 0) {
    error = EEXIST;
  } else if (!there && (flags & XATTR_REPLACE) != 0) {
    error = ENODATA;
  } else {
    node.xattrs[name].assign(value, size);
    Touch(&node.attributes.st_ctim);
  }
  fuse_reply_err(req, error);
}

// A caller that gives no room asks for the size.
void ReplyXattr(fuse_req_t req, const std::string& value, size_t room) {
  if (room == 0) {
    fuse_reply_xattr(req, value.size());
  } else if (value.size() > room) {
    fuse_reply_err(req, ERANGE);
  } else {
    fuse_reply_buf(req, value.data(), value.size());
  }
}

void GetXattr(fuse_req_t req, fuse_ino_t ino, const char* name, size_t room) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  const auto& xattrs = nodes.Find(ino)->xattrs;
  const auto found = xattrs.find(name);
  if (found == xattrs.end()) {
    fuse_reply_err(req, ENODATA);
  } else {
    ReplyXattr(req, found->second, room);
  }
}

void ListXattr(fuse_req_t req, fuse_ino_t ino, size_t room) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  std::string names;
  for (const auto& [name, value] : nodes.Find(ino)->xattrs) {
    names.append(name).push_back('\0');
  }
  ReplyXattr(req, names, room);
}

void RemoveXattr(fuse_req_t req, fuse_ino_t ino, const char* name) {
  Nodes& nodes = NodesOf(req);
  const Guard guard(nodes.lock);
  Node& node = *nodes.Find(ino);
  const bool removed = node.xattrs.erase(name) != 0;
  if (removed) {
    Touch(&node.attributes.st_ctim);
  }
  fuse_reply_err(req, removed ? 0 : ENODATA);
}

}  // namespace

void AddFileOperations(fuse_lowlevel_ops* operations) {
  operations->getattr = GetAttr;
  operations->setattr = SetAttr;
  operations->open = Open;
  operations->read = Read;
  operations->write = Write;
  operations->setxattr = SetXattr;
  operations->getxattr = GetXattr;
  operations->listxattr = ListXattr;
  operations->removexattr = RemoveXattr;
}
