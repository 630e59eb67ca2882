// Operations on open directories.
#include <cstring>
#include <memory>
#include <new>

#include "highlevel/call.h"
#include "highlevel/dir_handle.h"
#include "highlevel/ops.h"
#include "wire/dirent.h"

namespace fuse3::hl {
namespace {

// What an entry has for a number when nobody knows any.
constexpr uint64_t kUnknownIno = 0xffffffff;

bool is_dots(std::string_view name) {
  return name == "." || name == "..";
}

// One READDIR or READDIRPLUS. The filesystem's readdir() calls back into it.
class Reading {
 public:
  Reading(Call& call, Node* directory, DirHandle& handle, size_t size, bool plus)
      : call_(call), directory_(directory), handle_(handle), size_(size), plus_(plus) {
    handle_.reply.resize(size);
  }

  // For fuse_fill_dir_t: 1 when there is no room, or something is wrong.
  static int fill(void* reading, const char* name, const struct stat* attributes, off_t offset,
                  fuse_fill_dir_flags flags) {
    return static_cast<Reading*>(reading)->take(name, attributes, offset, flags) ? 0 : 1;
  }

  // Starts at `offset`. 0 or a negative errno.
  int run(const char* path, off_t offset, fuse_file_info& info) {
    if (offset == 0) handle_.complete = false;
    if (!handle_.complete) {
      // A filesystem that gives no offsets may refuse every one but 0. Of a directory that a former
      // incarnation read from, it is not known yet whether it gives any.
      const off_t from = handle_.streams ? offset : 0;
      probing_ = from != offset;
      int error = ask(path, from, info);
      if (probing_ && handle_.streams) {
        probing_ = false;
        error = ask(path, offset, info);
      }
      if (error != 0 || handle_.streams) return error;
      handle_.listing.finish(call_.req.seam->outlives_server());
      handle_.complete = true;
    }
    emit_listing(static_cast<uint64_t>(offset));
    return error_;
  }

  void reply(int error) {
    if (error != 0) take_back();
    if (error != 0) return finish(call_, error);
    if (reply_bytes(call_.req, handle_.reply.data(), used_) != 0) take_back();
  }

 private:
  int ask(const char* path, off_t offset, fuse_file_info& info) {
    handle_.listing.clear();
    first_ = true;
    error_ = 0;
    const auto flags = plus_ ? FUSE_READDIR_PLUS : FUSE_READDIR_DEFAULTS;
    const int error = layer::readdir(call_.fs, path, this, fill, offset, &info, flags);
    return error_ != 0 ? error_ : error;
  }

  bool take(std::string_view name, const struct stat* attributes, off_t offset,
            fuse_fill_dir_flags flags) {
    const bool whole = attributes != nullptr && (flags & FUSE_FILL_DIR_PLUS) != 0;
    const bool streams = offset != 0;
    if (!first_ && streams != handle_.streams) {
      error_ = -EIO;  // some entries with, some without an offset: neither way can be gone
      return false;
    }
    first_ = false;
    handle_.streams = streams;
    if (!streams) {
      handle_.listing.add(name, attributes, whole);
      return true;
    }
    if (probing_) return false;
    const uint64_t ino = attributes != nullptr ? attributes->st_ino : 0;
    const mode_t type = attributes != nullptr ? attributes->st_mode & S_IFMT : 0;
    return emit(name, ino, type, whole ? attributes : nullptr, static_cast<uint64_t>(offset));
  }

  void emit_listing(uint64_t cookie) {
    const Listing& listing = handle_.listing;
    for (size_t i = listing.after(cookie); i < listing.size(); ++i) {
      const Listing::Entry& entry = listing[i];
      if (!emit(listing.name(entry), entry.ino, entry.type, listing.attributes(entry),
                entry.cookie)) {
        return;
      }
    }
  }

  // What the application sees for a number. Never 0: readers take that for a name that is gone.
  uint64_t number_of(std::string_view name, uint64_t given) {
    if (call_.config.use_ino != 0) return given != 0 ? given : kUnknownIno;
    uint64_t number = kUnknownIno;
    if (call_.config.readdir_ino == 0 || directory_ == nullptr) return number;
    if (Node* node = call_.tree.hold_child(*directory_, name)) {
      if (const auto id = call_.req.seam->node_of(node->index)) number = id->value;
      call_.tree.release(*node);
    }
    return number;
  }

  // False: it does not fit.
  bool emit(std::string_view name, uint64_t ino, mode_t type, const struct stat* attributes,
            uint64_t cookie) {
    const size_t size = plus_ ? wire::direntplus_size(name.size()) : wire::dirent_size(name.size());
    if (used_ + size > size_) return false;
    const std::span<std::byte> room(handle_.reply.data() + used_, size_ - used_);
    fuse_entry_param entry{};
    if (plus_ && attributes != nullptr && !is_dots(name) && directory_ != nullptr) {
      if ((error_ = make_entry(call_, *directory_, name, *attributes, entry)) != 0) return false;
    } else {
      entry.attr.st_ino = number_of(name, ino);
      entry.attr.st_mode = type;
    }
    const auto offset = static_cast<off_t>(cookie);
    if (plus_) {
      wire::append_direntplus(room, name, entry, offset);
      call_.req.seam->note_direntplus(room, entry);
    } else {
      wire::append_dirent(room, name, &entry.attr, offset);
    }
    used_ += size;
    return true;
  }

  // The kernel does not get what was counted for it.
  void take_back() {
    if (!plus_) return;
    const std::span<std::byte> entries(handle_.reply.data(), used_);
    for (wire::DirentplusWalker walker(entries); walker.valid(); walker.next()) {
      if (walker.entry().nodeid != 0) forget_lookup(call_, walker.entry().nodeid, 1);
    }
  }

  Call& call_;
  Node* const directory_;
  DirHandle& handle_;
  const size_t size_;
  const bool plus_;
  size_t used_ = 0;
  bool first_ = true;
  bool probing_ = false;  // only whether it gives offsets is asked
  int error_ = 0;
};

void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    const fuse_file_info& session_info, bool plus) {
  Call call(req);
  DirHandle& handle = DirHandle::of(session_info);
  fuse_file_info info = handle.info(session_info);
  std::lock_guard guard(handle.lock);
  HandlePath path(call, ino, &info);
  Reading reading(call, call.tree.find(ino), handle, size, plus);
  int error = path.error();
  if (error == 0) error = reading.run(path.path(), offset, info);
  path.release();
  reading.reply(error);
}

}  // namespace

void opendir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  Call call(req);
  PathHold path(call.tree);
  std::unique_ptr<DirHandle> handle(new (std::nothrow) DirHandle);
  int error = handle != nullptr ? path.take(ino) : -ENOMEM;
  if (error == 0) error = layer::opendir(call.fs, path.path(), info);
  if (error == -ENOSYS) error = 0;  // else the kernel would never open one, and there be no handle
  path.release();
  if (error != 0) return finish(call, error);
  handle->fh = info->fh;
  info->fh = DirHandle::number(handle.get());
  if (reply_open(call.req, *info) == -ENOENT) {
    fuse_file_info own = handle->info(*info);
    HandlePath again(call, ino, &own);
    layer::releasedir(call.fs, again.path(), &own);
  } else {
    (void)handle.release();  // until releasedir
  }
}

void readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info) {
  read_directory(req, ino, size, offset, *info, false);
}

void readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, fuse_file_info* info) {
  read_directory(req, ino, size, offset, *info, true);
}

void releasedir(fuse_req_t req, fuse_ino_t ino, fuse_file_info* info) {
  Call call(req);
  std::unique_ptr<DirHandle> handle(&DirHandle::of(*info));
  // A reading that is not over: the kernel sends none, but a lock is to be free when it ends.
  { std::lock_guard guard(handle->lock); }
  fuse_file_info own = handle->info(*info);
  {
    HandlePath path(call, ino, &own);
    layer::releasedir(call.fs, path.path(), &own);
  }
  finish(call, 0);
}

void fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, fuse_file_info* info) {
  Call call(req);
  fuse_file_info own = DirHandle::of(*info).info(*info);
  HandlePath path(call, ino, &own);
  int error = path.error() != -ENOENT ? path.error() : 0;  // removed, which it is told by the null
  if (error == 0) error = layer::fsyncdir(call.fs, path.path(), datasync, &own);
  path.release();
  finish(call, error);
}

}  // namespace fuse3::hl
